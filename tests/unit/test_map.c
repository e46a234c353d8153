#include "map.h"
#include "unit.h"

static void map_done(Map **map)
{
    map_free(*map);
}

TEST(a_value_is_found_by_its_key)
{
    DEFER(map_done) Map *map = map_new();
    int one = 1;
    int two = 2;

    map_add(map, "one", &one);
    map_add(map, "", &two);
    assert_ptr_equal(map_get(map, "one"), &one);
    assert_ptr_equal(map_get(map, ""), &two);
    assert_null(map_get(map, "on"));
    assert_int_equal(map_count(map), 2);
}

TEST(the_key_is_the_maps_own)
{
    DEFER(map_done) Map *map = map_new();
    char key[] = "key";
    int value = 1;

    map_add(map, key, &value);
    key[0] = 'X';
    assert_ptr_equal(map_get(map, "key"), &value);
    assert_null(map_get(map, key));
}

TEST(a_removed_value_is_handed_back)
{
    DEFER(map_done) Map *map = map_new();
    int value = 1;

    map_add(map, "key", &value);
    assert_ptr_equal(map_remove(map, "key"), &value);
    assert_null(map_remove(map, "key"));
    assert_null(map_get(map, "key"));
    assert_int_equal(map_count(map), 0);
    map_add(map, "key", &value);
    assert_ptr_equal(map_get(map, "key"), &value);
}

TEST(a_walk_follows_the_order_in_which_values_came)
{
    static const char *const keys[] = {"c", "a", "b"};
    DEFER(map_done) Map *map = map_new();
    int values[ARRAY_SIZE(keys)] = {0};
    const MapEntry *at = NULL;

    assert_null(map_next(map, NULL));
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        map_add(map, keys[i], &values[i]);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        at = map_next(map, at);
        assert_non_null(at);
        assert_string_equal(map_key(at), keys[i]);
        assert_ptr_equal(map_value(at), &values[i]);
    }
    assert_null(map_next(map, at));
}

TEST(entries_may_be_removed_on_the_way)
{
    enum { COUNT = 1000 };
    DEFER(map_done) Map *map = map_new();
    int values[COUNT];
    char key[16];

    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        values[i] = i;
        map_add(map, key, &values[i]);
    }
    for (MapEntry *at = map_next(map, NULL); at != NULL;) {
        const char *name = map_key(at);
        const int *value = map_value(at);

        at = map_next(map, at);
        if (*value % 2 == 0)
            assert_ptr_equal(map_remove(map, name), value);
    }
    assert_int_equal(map_count(map), COUNT / 2);
    assert_null(map_get(map, "998"));
    assert_ptr_equal(map_get(map, "999"), &values[999]);
}

TEST(no_map_is_freed_like_any)
{
    map_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_found_by_its_key),
        cmocka_unit_test(the_key_is_the_maps_own),
        cmocka_unit_test(a_removed_value_is_handed_back),
        cmocka_unit_test(a_walk_follows_the_order_in_which_values_came),
        cmocka_unit_test(entries_may_be_removed_on_the_way),
        cmocka_unit_test(no_map_is_freed_like_any),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

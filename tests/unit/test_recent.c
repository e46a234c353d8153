#include "alloc.h"
#include "recent.h"
#include "unit.h"

static void free_recent(Recent **slot)
{
    free(*slot);
}

TEST(what_was_put_is_found_until_its_time_is_over)
{
    DEFER(free_recent) Recent *recent = xcalloc(1, sizeof *recent);
    uint64_t value = 0;

    assert_false(recent_find(recent, "a", 0, &value));
    recent_put(recent, "a", 7, 100);
    assert_true(recent_find(recent, "a", 99, &value));
    assert_int_equal(value, 7);
    assert_false(recent_find(recent, "a", 100, &value));
    assert_false(recent_find(recent, "b", 0, &value));
}

TEST(what_comes_again_is_kept_once)
{
    DEFER(free_recent) Recent *recent = xcalloc(1, sizeof *recent);
    uint64_t value = 0;

    recent_put(recent, "a", 7, 100);
    recent_put(recent, "a", 8, 200);
    assert_true(recent_find(recent, "a", 150, &value));
    assert_int_equal(value, 8);
}

TEST(a_full_memory_forgets_some_and_mixes_up_none)
{
    enum { KEYS = 100000 };
    DEFER(free_recent) Recent *recent = xcalloc(1, sizeof *recent);
    char key[16];
    int found = 0;

    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        recent_put(recent, key, (uint64_t)i, 1000 + i);
    }
    for (int i = 0; i < KEYS; i++) {
        uint64_t value = 0;

        (void)snprintf(key, sizeof key, "k%d", i);
        if (!recent_find(recent, key, 0, &value))
            continue;
        found++;
        assert_int_equal(value, i);
    }
    assert_int_equal(found, RECENT_SETS * RECENT_WAYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_until_its_time_is_over),
        cmocka_unit_test(what_comes_again_is_kept_once),
        cmocka_unit_test(a_full_memory_forgets_some_and_mixes_up_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

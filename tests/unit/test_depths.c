#include "depths.h"
#include "unit.h"

static void add(Depths *depths, const char *tenant, Depth depth)
{
    Error error;

    (void)snprintf(depth.tenant, sizeof depth.tenant, "%s", tenant);
    assert_int_equal(depths_add(depths, &depth, &error), 0);
}

TEST(several_looks_make_one_sorted_list)
{
    DEFER(depths_done) Depths depths = {0};

    add(&depths, "b-", (Depth){.pending = 2, .oldest_seconds = 1.5});
    add(&depths, "a", (Depth){.pending = 1});
    add(&depths, "b", (Depth){.pending = 4, .retrying = 4, .oldest_seconds = 9});
    add(&depths, "b-", (Depth){.pending = 8, .retrying = 8, .oldest_seconds = 1});
    add(&depths, "b-", (Depth){.dead = 16});
    depths_sort(&depths);
    assert_int_equal(depths.count, 3);
    assert_string_equal(depths.tenants[0].tenant, "a");
    assert_string_equal(depths.tenants[1].tenant, "b");
    assert_string_equal(depths.tenants[2].tenant, "b-");
    const Depth *found = depths_find(&depths, "b-");
    assert_int_equal(found->pending, 10);
    assert_int_equal(found->retrying, 8);
    assert_int_equal(found->dead, 16);
    assert_true(found->oldest_seconds > 1.4 && found->oldest_seconds < 1.6);
    assert_null(depths_find(&depths, "c"));
}

TEST(without_rows_nobody_is_found)
{
    DEFER(depths_done) Depths depths = {0};

    depths_sort(&depths);
    assert_int_equal(depths.count, 0);
    assert_null(depths_find(&depths, "a"));
}

TEST(they_are_used_again)
{
    DEFER(depths_done) Depths depths = {0};

    add(&depths, "a", (Depth){.pending = 1});
    depths_clear(&depths);
    add(&depths, "b", (Depth){.pending = 2});
    depths_sort(&depths);
    assert_int_equal(depths.count, 1);
    assert_null(depths_find(&depths, "a"));
}

TEST(more_tenants_than_can_be_held_are_refused)
{
    DEFER(depths_done) Depths depths = {0};
    Depth depth = {.pending = 1};
    Error error;

    for (int i = 0; i < DEPTHS_MAX; i++) {
        (void)snprintf(depth.tenant, sizeof depth.tenant, "t%d", i);
        assert_int_equal(depths_add(&depths, &depth, &error), 0);
    }
    assert_int_equal(depths_add(&depths, &depth, &error), -1);
    assert_int_equal(error.kind, ERROR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_looks_make_one_sorted_list),
        cmocka_unit_test(without_rows_nobody_is_found),
        cmocka_unit_test(they_are_used_again),
        cmocka_unit_test(more_tenants_than_can_be_held_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

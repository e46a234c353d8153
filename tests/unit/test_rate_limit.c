#include "alloc.h"
#include "rate_limit.h"
#include "unit.h"

static void free_limit(RateLimit **slot)
{
    free(*slot);
}

static RateLimit *limit_of(int64_t per_second, int64_t burst)
{
    RateLimit *limit = xcalloc(1, sizeof *limit);

    limit->per_second = per_second;
    limit->burst = burst;
    limit->seed = 42;
    return limit;
}

TEST(a_burst_passes_and_then_one_by_one)
{
    DEFER(free_limit) RateLimit *limit = limit_of(10, 3);
    int64_t wait_ms = 0;

    for (int i = 0; i < 3; i++)
        assert_true(rate_limit_take(limit, "a", 1000, &wait_ms));
    assert_false(rate_limit_take(limit, "a", 1000, &wait_ms));
    assert_int_equal(wait_ms, 100);
    assert_false(rate_limit_take(limit, "a", 1099, &wait_ms));
    assert_int_equal(wait_ms, 1);
    assert_true(rate_limit_take(limit, "a", 1100, &wait_ms));
    assert_false(rate_limit_take(limit, "a", 1100, &wait_ms));
}

TEST(no_source_pays_for_another)
{
    DEFER(free_limit) RateLimit *limit = limit_of(1, 1);
    int64_t wait_ms = 0;

    assert_true(rate_limit_take(limit, "a", 0, &wait_ms));
    assert_false(rate_limit_take(limit, "a", 0, &wait_ms));
    assert_true(rate_limit_take(limit, "b", 0, &wait_ms));
}

TEST(a_quiet_source_saves_no_more_than_a_burst)
{
    DEFER(free_limit) RateLimit *limit = limit_of(1000, 2);
    int64_t wait_ms = 0;
    int passed = 0;

    (void)rate_limit_take(limit, "a", 0, &wait_ms);
    for (int i = 0; i < 10; i++)
        passed += rate_limit_take(limit, "a", 3600000, &wait_ms) ? 1 : 0;
    assert_int_equal(passed, 2);
}

TEST(zero_is_no_limit)
{
    DEFER(free_limit) RateLimit *limit = limit_of(0, 1);
    int64_t wait_ms = 0;

    for (int i = 0; i < 100; i++)
        assert_true(rate_limit_take(limit, "a", 0, &wait_ms));
}

TEST(a_clock_that_stands_still_gives_nothing)
{
    DEFER(free_limit) RateLimit *limit = limit_of(1000, 1);
    int64_t wait_ms = 0;

    assert_true(rate_limit_take(limit, "a", 5000, &wait_ms));
    assert_false(rate_limit_take(limit, "a", 4000, &wait_ms));
}

TEST(any_number_of_sources_needs_no_more_room)
{
    DEFER(free_limit) RateLimit *limit = limit_of(1, 1);
    int64_t wait_ms = 0;
    char source[16];

    for (int i = 0; i < 100000; i++) {
        (void)snprintf(source, sizeof source, "s%d", i);
        assert_true(rate_limit_take(limit, source, i, &wait_ms));
    }
    assert_false(rate_limit_take(limit, source, 99999, &wait_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_then_one_by_one),
        cmocka_unit_test(no_source_pays_for_another),
        cmocka_unit_test(a_quiet_source_saves_no_more_than_a_burst),
        cmocka_unit_test(zero_is_no_limit),
        cmocka_unit_test(a_clock_that_stands_still_gives_nothing),
        cmocka_unit_test(any_number_of_sources_needs_no_more_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

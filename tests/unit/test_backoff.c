#include "backoff.h"
#include "unit.h"

static const Backoff doubling = {.first_ms = 100, .last_ms = 30000};

TEST(each_attempt_waits_twice_as_long_up_to_the_cap)
{
    static const int64_t longest[] = {100,  200,   400,   800,   1600, 3200,
                                      6400, 12800, 25600, 30000, 30000};

    for (uint32_t i = 0; i < ARRAY_SIZE(longest); i++)
        assert_int_equal(backoff_delay_ms(&doubling, i, UINT32_MAX), longest[i]);
}

TEST(chance_takes_away_at_most_half)
{
    static const uint32_t randoms[] = {0, 1, 1000, UINT32_MAX / 2, UINT32_MAX - 1, UINT32_MAX};

    assert_int_equal(backoff_delay_ms(&doubling, 1, 0), 100);
    assert_int_equal(backoff_delay_ms(&doubling, 1, UINT32_MAX / 2), 149);
    for (uint32_t attempt = 0; attempt < 12; attempt++) {
        int64_t longest = backoff_delay_ms(&doubling, attempt, UINT32_MAX);

        for (size_t i = 0; i < ARRAY_SIZE(randoms); i++)
            assert_in_range(backoff_delay_ms(&doubling, attempt, randoms[i]), longest / 2, longest);
    }
}

TEST(no_number_of_attempts_overflows)
{
    const Backoff widest = {.first_ms = 1, .last_ms = INT32_MAX};

    assert_int_equal(backoff_delay_ms(&widest, UINT32_MAX, UINT32_MAX), INT32_MAX);
    assert_int_equal(backoff_delay_ms(&widest, 31, 0), INT32_MAX / 2 + 1);
}

TEST(the_least_backoff_still_waits)
{
    const Backoff least = {.first_ms = 1, .last_ms = 1};

    assert_int_equal(backoff_delay_ms(&least, 0, 0), 1);
    assert_int_equal(backoff_delay_ms(&least, 9, UINT32_MAX), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_attempt_waits_twice_as_long_up_to_the_cap),
        cmocka_unit_test(chance_takes_away_at_most_half),
        cmocka_unit_test(no_number_of_attempts_overflows),
        cmocka_unit_test(the_least_backoff_still_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

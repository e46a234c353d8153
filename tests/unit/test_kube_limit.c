#include "kube_limit.h"
#include "walk.h"

enum { SEEDS = 100, STEPS = 500, SECOND_US = 1000000 };

TEST(a_burst_goes_at_once_and_then_one_by_one)
{
    KubeLimit limit = {.per_second = 10, .burst = 3};

    for (int i = 0; i < 3; i++)
        assert_int_equal(kube_limit_take_us(&limit, 5), 0);
    assert_int_equal(kube_limit_take_us(&limit, 5), 100000);
    assert_int_equal(kube_limit_take_us(&limit, 5), 200000);
    assert_int_equal(kube_limit_take_us(&limit, 5 + 150000), 150000);
}

TEST(a_bucket_that_was_left_alone_is_full_and_no_fuller)
{
    KubeLimit limit = {.per_second = 10, .burst = 2};

    for (int64_t hour = 0; hour < 3; hour++) {
        int64_t now_us = hour * 3600 * SECOND_US;

        assert_int_equal(kube_limit_take_us(&limit, now_us), 0);
        assert_int_equal(kube_limit_take_us(&limit, now_us), 0);
        assert_int_equal(kube_limit_take_us(&limit, now_us), 100000);
    }
}

TEST(without_a_limit_nobody_waits)
{
    KubeLimit limit = {.per_second = 0, .burst = 1};

    for (int i = 0; i < 1000; i++)
        assert_int_equal(kube_limit_take_us(&limit, 0), 0);
}

/* In no stretch of time do more go than came in it and were saved before. */
TEST(however_they_come_no_more_go_than_the_limit_says)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        Walk walk = walk_start(seed);
        KubeLimit limit = {.per_second = 1 + walk_roll(&walk, 500),
                           .burst = 1 + walk_roll(&walk, 20)};
        int64_t now_us = 0;
        int64_t last_us = 0;
        int64_t went_us[STEPS];

        for (walk.step = 0; walk.step < STEPS; walk.step++) {
            now_us += walk_roll(&walk, 3) == 0 ? walk_roll(&walk, SECOND_US / 20) : 0;
            went_us[walk.step] = now_us + kube_limit_take_us(&limit, now_us);
            WALK_HOLDS(&walk, went_us[walk.step] >= last_us);
            last_us = went_us[walk.step];
        }
        const int64_t token_us = SECOND_US / limit.per_second;

        for (int64_t i = limit.burst; i < STEPS; i++)
            WALK_HOLDS(&walk, went_us[i] - went_us[i - limit.burst] >= token_us - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_goes_at_once_and_then_one_by_one),
        cmocka_unit_test(a_bucket_that_was_left_alone_is_full_and_no_fuller),
        cmocka_unit_test(without_a_limit_nobody_waits),
        cmocka_unit_test(however_they_come_no_more_go_than_the_limit_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

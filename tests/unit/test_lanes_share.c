/* Lanes between several workers and several relays. */
#include "lane_rounds.h"

TEST(a_lane_that_another_relay_has_is_left_for_a_moment)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);
    int64_t wait = 0;
    RoundPlan plan;

    lane_taken(lane, NOW);
    lanes_plan(lanes, BATCH, NOW, &plan);
    assert_int_equal(plan.count, 0);
    assert_false(lanes_ready(lanes, NOW, 20, &wait));
    assert_in_range(wait, 1, 20);
    assert_true(lanes_ready(lanes, lane->resume_ms, 20, &wait));
}

TEST(a_lane_that_another_relay_keeps_is_looked_at_less_and_less)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);
    const LanePlan plan = {.lane = lane, .rows = 1};
    const LaneHarvest harvest = {.ready = 1, .bytes = 100, .last = 1};
    int64_t last = 0;

    for (int i = 0; i < 10; i++) {
        lane_taken(lane, NOW);
        assert_true(lane->resume_ms - NOW >= last);
        last = lane->resume_ms - NOW;
    }
    assert_in_range(last, 10, 100); /* a replica that was killed is replaced at once */
    lane_fetched(&plan, &harvest, NOW);
    lane_taken(lane, NOW);
    assert_true(lane->resume_ms - NOW < last);
}

/* Each of 64 tenants is in one worker's share, and nobody's share is much larger. */
TEST(workers_share_the_tenants)
{
    DEFER(defer_lanes) Lanes *first = lanes_new(BATCH, BATCH_BYTES);
    DEFER(defer_lanes) Lanes *second = lanes_new(BATCH, BATCH_BYTES);
    size_t own = 0;
    char name[16];

    lanes_share(first, 0, 2);
    lanes_share(second, 1, 2);
    for (int i = 0; i < 64; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        const Lane *here = open_lane(first, name, 1);

        assert_true(here->own != open_lane(second, name, 1)->own);
        own += here->own ? 1 : 0;
    }
    assert_in_range(own, 16, 48);
}

/* Nobody waits for a worker that is stuck. */
TEST(the_others_tenants_are_taken_when_there_is_nothing_else_and_now_and_then)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    int64_t now = NOW;
    RoundPlan plan;
    char name[16];
    const Lane *own = NULL;
    const Lane *other = NULL;

    lanes_share(lanes, 1, 2);
    for (int i = 0; own == NULL || other == NULL; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        Lane *lane = open_lane(lanes, name, 1);

        own = lane->own ? lane : own;
        other = lane->own ? other : lane;
        lane->active = lane == own || lane == other;
    }
    lanes_plan(lanes, BATCH, now, &plan);
    assert_true(planned(&plan, own) > 0 && planned(&plan, other) > 0);
    harvest_all(&plan, 512);
    lanes_plan(lanes, BATCH, ++now, &plan);
    assert_true(planned(&plan, own) > 0);
    assert_int_equal(planned(&plan, other), 0);
    harvest_all(&plan, 512);
    lanes_plan(lanes, BATCH, now + 1000, &plan);
    assert_true(planned(&plan, other) > 0);
    harvest_all(&plan, 512);

    lanes_find(lanes, own->tenant)->active = false;
    lanes_plan(lanes, BATCH, now + 1001, &plan);
    assert_true(planned(&plan, other) > 0);
}

TEST(lanes_that_have_rows_need_not_be_searched_for)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    const char *names[2] = {NULL};

    open_lane(lanes, "drained", 1)->active = false;
    assert_int_equal(lanes_active(lanes, names, 2), 0);
    (void)open_lane(lanes, "a", 1);
    assert_int_equal(lanes_active(lanes, names, 2), 1);
    assert_string_equal(names[0], "a");
    (void)open_lane(lanes, "b", 1);
    (void)open_lane(lanes, "c", 1);
    assert_int_equal(lanes_active(lanes, names, 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_that_another_relay_has_is_left_for_a_moment),
        cmocka_unit_test(a_lane_that_another_relay_keeps_is_looked_at_less_and_less),
        cmocka_unit_test(workers_share_the_tenants),
        cmocka_unit_test(lanes_that_have_rows_need_not_be_searched_for),
        cmocka_unit_test(the_others_tenants_are_taken_when_there_is_nothing_else_and_now_and_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

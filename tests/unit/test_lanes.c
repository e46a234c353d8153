#include "lane_rounds.h"
#include "walk.h"

TEST(one_tenant_alone_gets_the_whole_batch)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);
    RoundPlan plan;

    lanes_plan(lanes, 5000, NOW, &plan);
    assert_int_equal(plan.count, 1);
    assert_in_range(planned(&plan, lane), BATCH - 1, BATCH);
}

TEST(tenants_share_a_batch_by_weight)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *light = open_lane(lanes, "light", 1);
    Lane *heavy = open_lane(lanes, "heavy", 3);
    int64_t sums[2] = {0};
    RoundPlan plan;

    for (int round = 0; round < 20; round++) {
        lanes_plan(lanes, BATCH, NOW, &plan);
        sums[0] += planned(&plan, light);
        sums[1] += planned(&plan, heavy);
        harvest_all(&plan, 512);
    }
    assert_in_range(sums[0], 20 * BATCH / 4 - 50, 20 * BATCH / 4 + 50);
    assert_in_range(sums[1], 20 * BATCH * 3 / 4 - 50, 20 * BATCH * 3 / 4 + 50);
}

/* The one with large rows sends as many bytes as the other, not as many rows. */
TEST(what_is_shared_is_bytes)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *small = open_lane(lanes, "small", 1);
    Lane *large = open_lane(lanes, "large", 1);
    int64_t bytes[2] = {0};
    RoundPlan plan;

    for (int round = 0; round < 200; round++) {
        lanes_plan(lanes, BATCH, NOW, &plan);
        for (size_t i = 0; i < plan.count; i++) {
            bool is_large = plan.entries[i].lane == large;
            int64_t sent = plan.entries[i].rows * (is_large ? 100000 : 200);
            const LaneHarvest harvest = {.ready = plan.entries[i].rows, .bytes = sent, .last = 1};

            bytes[is_large ? 1 : 0] += round < 20 ? 0 : sent; /* once the sizes are known */
            lane_fetched(&plan.entries[i], &harvest, NOW);
        }
    }
    assert_true(small->active && large->active);
    assert_in_range(bytes[0] * 10 / bytes[1], 7, 13);
}

TEST(a_round_never_plans_more_rows_than_there_is_room)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    char name[16];
    RoundPlan plan;

    for (int i = 0; i < 400; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        (void)open_lane(lanes, name, 1 + i % 7);
    }
    for (int64_t room = 0; room < 1500; room += 37) {
        int64_t rows = 0;

        lanes_plan(lanes, room, NOW, &plan);
        assert_true(plan.count <= LANES_A_ROUND);
        for (size_t i = 0; i < plan.count; i++)
            rows += plan.entries[i].rows;
        assert_true(rows <= room && rows <= BATCH);
    }
}

TEST(every_tenant_has_its_turn_when_there_are_more_than_a_round_holds)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    bool served[900] = {0};
    char name[16];
    RoundPlan plan;

    for (int i = 0; i < 900; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        (void)open_lane(lanes, name, 1);
    }
    for (int round = 0; round < 8; round++) {
        lanes_plan(lanes, BATCH, NOW, &plan);
        for (size_t i = 0; i < plan.count; i++)
            served[strtol(plan.entries[i].lane->tenant + 1, NULL, 10)] = true;
        harvest_all(&plan, 512);
    }
    for (int i = 0; i < 900; i++)
        assert_true(served[i]);
}

TEST(a_paused_tenant_waits_longer_each_time_and_then_tries_one_row)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);
    int64_t now = NOW;
    int64_t last = 0;
    RoundPlan plan;

    for (int i = 0; i < 5; i++) {
        assert_int_equal(lane_pause(lane, FAILURE_FULL, "full", now, UINT32_MAX), i == 0);
        assert_true(lane->resume_ms - now > last);
        last = lane->resume_ms - now;
        lanes_plan(lanes, BATCH, lane->resume_ms - 1, &plan);
        assert_int_equal(plan.count, 0);
        now = lane->resume_ms;
        lanes_plan(lanes, BATCH, now, &plan);
        assert_int_equal(planned(&plan, lane), 1);
        assert_int_equal(lane->state, LANE_PROBING);
    }
    lane_stored(lane);
    assert_int_equal(lane->state, LANE_OPEN);
    assert_true(lane_pause(lane, FAILURE_FULL, "full", now, UINT32_MAX));
    assert_int_equal(lane->resume_ms - now, 150);
}

TEST(rows_that_fail_together_pause_once)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);

    assert_true(lane_pause(lane, FAILURE_BUSY, "busy", NOW, 0));
    int64_t resume = lane->resume_ms;
    for (int i = 0; i < 100; i++)
        assert_false(lane_pause(lane, FAILURE_BUSY, "busy", NOW, 0));
    assert_int_equal(lane->resume_ms, resume);
    assert_int_equal(lane->failures, 1);
}

TEST(a_tenant_without_a_stream_asks_for_it_instead_of_trying_rows)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = lanes_meet(lanes, "a", true, false, NOW);
    const RelaySettings settings = relay_settings_default();
    RoundPlan plan;

    assert_ptr_equal(lanes_to_ask(lanes, NOW), lane);
    assert_null(lanes_to_ask(lanes, NOW));
    assert_true(lane_pause(lane, FAILURE_NO_STREAM, "none", NOW, UINT32_MAX));
    lanes_plan(lanes, BATCH, lane->resume_ms, &plan);
    assert_int_equal(plan.count, 0);
    assert_ptr_equal(lanes_to_ask(lanes, lane->resume_ms), lane);
    lane_configure(lane, &settings);
    lanes_plan(lanes, BATCH, lane->resume_ms, &plan);
    assert_int_equal(planned(&plan, lane), 1);
}

TEST(an_advisory_ends_a_pause_at_once)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);

    assert_true(lane_pause(lane, FAILURE_NO_STREAM, "none", NOW, UINT32_MAX));
    lane_wake(lane);
    assert_ptr_equal(lanes_to_ask(lanes, NOW), lane);
}

/* Its keys may have an order, and its tenant may be suspended. */
TEST(before_the_first_answer_about_the_stream_nothing_is_sent)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = lanes_meet(lanes, "a", true, false, NOW);
    RoundPlan plan;

    assert_ptr_equal(lanes_to_ask(lanes, NOW), lane);
    assert_null(lanes_to_ask(lanes, NOW + 999));
    lanes_plan(lanes, BATCH, NOW + 3600 * 1000, &plan);
    assert_int_equal(plan.count, 0);
    assert_ptr_equal(lanes_to_ask(lanes, NOW + 1000), lane);
    lanes_plan(lanes, BATCH, NOW + 3600 * 1000, &plan);
    assert_int_equal(plan.count, 0);
}

TEST(without_another_answer_about_the_stream_the_last_one_counts)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);
    RoundPlan plan;

    lane->settings.ordering = RELAY_ORDERING_KEY;
    lane->state = LANE_NEW;
    assert_ptr_equal(lanes_to_ask(lanes, NOW), lane);
    lanes_plan(lanes, BATCH, NOW + 999, &plan);
    assert_int_equal(plan.count, 0);
    lanes_plan(lanes, BATCH, NOW + 1000, &plan);
    assert_int_equal(plan.count, 1);
    assert_int_equal(lane->settings.ordering, RELAY_ORDERING_KEY);
}

TEST(where_nobody_answers_about_streams_the_defaults_count)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = lanes_meet(lanes, "a", true, false, NOW);
    RoundPlan plan;

    assert_ptr_equal(lanes_to_ask(lanes, NOW), lane);
    lanes_set_denied(lanes, true);
    assert_ptr_equal(lanes_to_ask(lanes, NOW + 1000), lane);
    lanes_plan(lanes, BATCH, NOW + 1000, &plan);
    assert_int_equal(plan.count, 1);
    assert_int_equal(lane->state, LANE_OPEN);
}

TEST(a_suspended_tenant_sends_nothing_until_it_is_released)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);
    RelaySettings settings = relay_settings_default();
    RoundPlan plan;

    settings.hold = true;
    lane_configure(lane, &settings);
    lanes_plan(lanes, BATCH, NOW + 3600 * 1000, &plan);
    assert_int_equal(plan.count, 0);
    settings.hold = false;
    lane_configure(lane, &settings);
    lanes_plan(lanes, BATCH, NOW, &plan);
    assert_int_equal(plan.count, 1);
}

TEST(rows_on_their_way_keep_a_lane_out_of_the_next_round)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *slow = open_lane(lanes, "slow", 1);
    Lane *fast = open_lane(lanes, "fast", 1);
    RoundPlan plan;

    slow->in_flight = 1;
    lanes_plan(lanes, BATCH, NOW, &plan);
    assert_int_equal(planned(&plan, slow), 0);
    assert_true(planned(&plan, fast) > 0);
}

TEST(the_floor_moves_with_full_fetches_and_is_ignored_now_and_then)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);
    RoundPlan plan;

    lanes_plan(lanes, BATCH, NOW, &plan);
    harvest_all(&plan, 512);
    assert_true(lane->floor > 0);
    lanes_plan(lanes, BATCH, NOW + 1, &plan);
    assert_int_equal(plan.entries[0].floor, lane->floor);
    lanes_plan(lanes, BATCH, NOW + 500, &plan);
    assert_int_equal(plan.entries[0].floor, 0);
}

TEST(a_new_connection_looks_at_all_rows_again)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);

    lane->floor = 100;
    lanes_forget_floors(lanes);
    assert_int_equal(lane->floor, 0);
}

TEST(where_the_order_of_keys_counts_there_is_no_floor)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);
    RoundPlan plan;

    lane->settings.ordering = RELAY_ORDERING_KEY;
    for (int i = 0; i < 3; i++) {
        lanes_plan(lanes, BATCH, NOW + i, &plan);
        assert_int_equal(plan.entries[0].floor, 0);
        harvest_all(&plan, 512);
    }
}

TEST(a_lane_that_was_idle_asks_before_it_sends_again)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);
    RoundPlan plan;

    lane->active = false;
    (void)lanes_meet(lanes, "a", true, false, NOW + 60 * 1000);
    lanes_plan(lanes, BATCH, NOW + 60 * 1000, &plan);
    assert_int_equal(plan.count, 0);
    assert_ptr_equal(lanes_to_ask(lanes, NOW + 60 * 1000), lane);
}

TEST(one_who_may_not_ask_waits_for_an_answer_only_once)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = lanes_meet(lanes, "a", true, false, NOW);
    RoundPlan plan;

    lanes_set_denied(lanes, true);
    assert_ptr_equal(lanes_to_ask(lanes, NOW), lane);
    lanes_plan(lanes, BATCH, NOW, &plan);
    assert_int_equal(plan.count, 1);
    lane->active = false;
    (void)lanes_meet(lanes, "a", true, false, NOW + 60 * 1000);
    assert_ptr_equal(lanes_to_ask(lanes, NOW + 60 * 1000), lane);
    lanes_plan(lanes, BATCH, NOW + 60 * 1000, &plan);
    assert_int_equal(plan.count, 1);
}

TEST(a_row_that_stays_pending_lowers_the_floor)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);

    lane->floor = 100;
    lane_keep_row(lane, 200);
    assert_int_equal(lane->floor, 100);
    lane_keep_row(lane, 50);
    assert_int_equal(lane->floor, 49);
}

TEST(a_lane_is_drained_only_when_nothing_was_hidden)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);
    const LaneHarvest none = {0};
    LanePlan plan = {lane, 70, 10};

    lane_fetched(&plan, &none, NOW);
    assert_true(lane->active);
    assert_int_equal(lane->floor, 0);
    plan.floor = 0;
    lane_fetched(&plan, &none, NOW);
    assert_false(lane->active);
}

TEST(a_tenant_at_its_rate_is_looked_at_again_later)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);
    const LanePlan plan = {lane, 0, 10};
    const LaneHarvest harvest = {.limited = true};

    lane->settings.events_per_second = 20;
    lane_fetched(&plan, &harvest, NOW);
    assert_int_equal(lane->resume_ms, NOW + 50);
}

TEST(idle_lanes_are_forgotten_and_busy_ones_are_not)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *idle = open_lane(lanes, "idle", 1);
    Lane *flying = open_lane(lanes, "flying", 1);

    (void)open_lane(lanes, "busy", 1);
    idle->active = false;
    flying->active = false;
    flying->in_flight = 1;
    lanes_forget_idle(lanes, NOW + 1000);
    assert_int_equal(lanes_count(lanes), 3);
    lanes_forget_idle(lanes, NOW + 3600 * 1000);
    assert_int_equal(lanes_count(lanes), 2);
    assert_null(lanes_find(lanes, "idle"));
    assert_non_null(lanes_find(lanes, "flying"));
    assert_non_null(lanes_find(lanes, "busy"));
}

TEST(lanes_have_a_maximum)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    char name[16];

    for (int i = 0; i < LANES_MAX; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        assert_non_null(lanes_meet(lanes, name, true, false, NOW));
    }
    assert_null(lanes_meet(lanes, "one-more", true, false, NOW));
    assert_non_null(lanes_meet(lanes, "t0", true, false, NOW));
}

/* Anything that can happen to a lane. */
static void happen(Lanes *lanes, Walk *walk, int64_t now)
{
    char name[16];

    (void)snprintf(name, sizeof name, "t%u", walk_roll(walk, 6));
    Lane *lane = lanes_meet(lanes, name, walk_roll(walk, 2) == 0, walk_roll(walk, 4) == 0, now);
    RelaySettings settings = relay_settings_default();

    settings.hold = walk_roll(walk, 8) == 0;
    settings.weight = 1 + walk_roll(walk, 9);
    switch (walk_roll(walk, 6)) {
    case 0:
        lane_configure(lane, &settings);
        break;
    case 1:
        (void)lane_pause(lane, (FailureCause)walk_roll(walk, FAILURE_SEALED + 1), "why", now,
                         walk_roll(walk, 1 << 30));
        break;
    case 2:
        lane_wake(lane);
        break;
    case 3:
        (void)lanes_to_ask(lanes, now);
        break;
    case 4:
        lane_stored(lane);
        break;
    default:
        break;
    }
}

static void check_entry(const Walk *walk, const LanePlan *entry, int64_t now)
{
    const Lane *lane = entry->lane;

    WALK_HOLDS(walk, entry->rows > 0);
    WALK_HOLDS(walk, lane->active && lane->in_flight == 0);
    WALK_HOLDS(walk, lane->state == LANE_OPEN || lane->state == LANE_PROBING);
    WALK_HOLDS(walk, lane->resume_ms <= now);
    WALK_HOLDS(walk, lane->state != LANE_PROBING || entry->rows == 1);
}

static void plan_and_check(Lanes *lanes, Walk *walk, int64_t now)
{
    int64_t rows = 0;
    RoundPlan plan;

    lanes_plan(lanes, 64, now, &plan);
    for (size_t i = 0; i < plan.count; i++) {
        const LanePlan *entry = &plan.entries[i];
        const LaneHarvest harvest = {
            .ready = walk_roll(walk, 2) == 0 ? entry->rows : 0, .bytes = 100, .last = 1};

        rows += entry->rows;
        check_entry(walk, entry, now);
        lane_fetched(entry, &harvest, now);
    }
    WALK_HOLDS(walk, rows <= 64);
}

TEST(random_walks_never_plan_a_lane_that_must_wait)
{
    for (uint32_t seed = 1; seed <= 300; seed++) {
        DEFER(defer_lanes) Lanes *lanes = lanes_new(64, 1 << 20);
        Walk walk = walk_start(seed);
        int64_t now = NOW;

        for (walk.step = 0; walk.step < 300; walk.step++) {
            now += walk_roll(&walk, 200);
            happen(lanes, &walk, now);
            plan_and_check(lanes, &walk, now);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_tenant_alone_gets_the_whole_batch),
        cmocka_unit_test(tenants_share_a_batch_by_weight),
        cmocka_unit_test(what_is_shared_is_bytes),
        cmocka_unit_test(a_round_never_plans_more_rows_than_there_is_room),
        cmocka_unit_test(every_tenant_has_its_turn_when_there_are_more_than_a_round_holds),
        cmocka_unit_test(a_paused_tenant_waits_longer_each_time_and_then_tries_one_row),
        cmocka_unit_test(rows_that_fail_together_pause_once),
        cmocka_unit_test(a_tenant_without_a_stream_asks_for_it_instead_of_trying_rows),
        cmocka_unit_test(an_advisory_ends_a_pause_at_once),
        cmocka_unit_test(before_the_first_answer_about_the_stream_nothing_is_sent),
        cmocka_unit_test(without_another_answer_about_the_stream_the_last_one_counts),
        cmocka_unit_test(where_nobody_answers_about_streams_the_defaults_count),
        cmocka_unit_test(a_suspended_tenant_sends_nothing_until_it_is_released),
        cmocka_unit_test(rows_on_their_way_keep_a_lane_out_of_the_next_round),
        cmocka_unit_test(the_floor_moves_with_full_fetches_and_is_ignored_now_and_then),
        cmocka_unit_test(a_new_connection_looks_at_all_rows_again),
        cmocka_unit_test(where_the_order_of_keys_counts_there_is_no_floor),
        cmocka_unit_test(a_lane_that_was_idle_asks_before_it_sends_again),
        cmocka_unit_test(one_who_may_not_ask_waits_for_an_answer_only_once),
        cmocka_unit_test(a_row_that_stays_pending_lowers_the_floor),
        cmocka_unit_test(a_lane_is_drained_only_when_nothing_was_hidden),
        cmocka_unit_test(a_tenant_at_its_rate_is_looked_at_again_later),
        cmocka_unit_test(idle_lanes_are_forgotten_and_busy_ones_are_not),
        cmocka_unit_test(lanes_have_a_maximum),
        cmocka_unit_test(random_walks_never_plan_a_lane_that_must_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

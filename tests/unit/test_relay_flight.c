#include "flight_rows.h"

enum { SLOTS = 128 };

/* Publishes whatever is ready; the number of rows. */
static size_t publish(Flight *flight, int64_t now_us)
{
    size_t count = 0;
    size_t slot;
    uint32_t index;

    for (; flight_next(flight, &slot, &index); count++)
        flight_published(flight, slot, now_us);
    return count;
}

TEST(a_row_is_marked_once_its_stream_has_it)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");

    flight_begin(flight);
    size_t slot = add(flight, lane, 7, 0);
    uint32_t token = flight_token(flight, slot);
    assert_int_equal(publish(flight, NOW_US), 1);
    assert_string_equal(flight_stream(flight, token), "TENANT_ACME");
    assert_int_equal(flight_settle(flight)->stored.count, 0);

    flight_begin(flight);
    slot = add(flight, lane, 8, 0);
    token = flight_token(flight, slot);
    assert_int_equal(publish(flight, NOW_US), 1);
    Answered answered = flight_answer(flight, token, &stored, NOW_US + 500, 0);
    assert_ptr_equal(answered.lane, lane);
    assert_int_equal(answered.wait_us, 500);
    const Settlement *settlement = flight_settle(flight);
    assert_int_equal(settlement->stored.count, 1);
    assert_int_equal(settlement->stored.at[0], 8);
    assert_int_equal(flight_settle(flight)->stored.count, 0);
}

TEST(the_same_answer_twice_counts_once)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");

    flight_begin(flight);
    uint32_t token = flight_token(flight, add(flight, lane, 7, 0));
    (void)publish(flight, NOW_US);
    assert_non_null(flight_answer(flight, token, &stored, NOW_US, 0).lane);
    assert_null(flight_answer(flight, token, &stored, NOW_US, 0).lane);
    assert_int_equal(flight_settle(flight)->stored.count, 1);
    assert_null(flight_answer(flight, token, &stored, NOW_US, 0).lane);
    assert_int_equal(flight_settle(flight)->stored.count, 0);
}

TEST(an_answer_for_an_earlier_use_of_a_slot_means_nothing)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(1, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");

    flight_begin(flight);
    uint32_t old = flight_token(flight, add(flight, lane, 1, 0));
    (void)publish(flight, NOW_US);
    flight_lost(flight);
    flight_begin(flight);
    uint32_t token = flight_token(flight, add(flight, lane, 2, 0));
    (void)publish(flight, NOW_US);
    assert_int_not_equal(old, token);
    assert_null(flight_answer(flight, old, &stored, NOW_US, 0).lane);
    assert_null(flight_stream(flight, old));
    assert_int_equal(flight_settle(flight)->stored.count, 0);
}

TEST(a_row_of_a_key_goes_out_when_the_one_before_it_is_stored)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");

    flight_begin(flight);
    uint32_t first = flight_token(flight, add(flight, lane, 1, 99));
    uint32_t second = flight_token(flight, add(flight, lane, 2, 99));
    (void)add(flight, lane, 3, 98);
    assert_int_equal(publish(flight, NOW_US), 2);
    assert_null(flight_stream(flight, second));
    (void)flight_answer(flight, first, &stored, NOW_US, 0);
    assert_int_equal(publish(flight, NOW_US), 1);
    assert_non_null(flight_stream(flight, second));
}

TEST(when_a_row_fails_those_behind_it_stay_pending)
{
    static const Ack *const failures[] = {&full, &too_large, &unknown};

    for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
        DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
        DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
        Lane *lane = open_lane(lanes, "acme");

        lane->floor = 3;
        flight_begin(flight);
        uint32_t first = flight_token(flight, add(flight, lane, 1, 99));
        (void)add(flight, lane, 2, 99);
        (void)add(flight, lane, 3, 99);
        assert_int_equal(publish(flight, NOW_US), 1);
        (void)flight_answer(flight, first, failures[i], NOW_US, 0);
        assert_int_equal(publish(flight, NOW_US), 0);
        flight_end(flight);
        const Settlement *settlement = flight_settle(flight);
        assert_int_equal(settlement->stored.count, 0);
        assert_int_equal(settlement->retry.count + settlement->bury.count, 1);
        assert_int_equal(flight_room(flight), SLOTS);
        assert_int_equal(lane->floor, 0);
    }
}

TEST(a_lanes_failure_counts_for_one_row_and_pauses)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");
    uint32_t tokens[3];

    flight_begin(flight);
    for (size_t i = 0; i < 3; i++)
        tokens[i] = flight_token(flight, add(flight, lane, (int64_t)i + 1, 0));
    (void)publish(flight, NOW_US);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(flight_answer(flight, tokens[i], &full, NOW_US, 0).paused, i == 0);
    assert_int_equal(lane->state, LANE_PAUSED);
    const Settlement *settlement = flight_settle(flight);
    assert_int_equal(settlement->retry.count, 1);
    assert_int_equal(settlement->retry.at[0].id, 1);
    assert_true(settlement->retry.at[0].soon);
    assert_string_equal(settlement->retry.at[0].why, "full");
    assert_int_equal(settlement->bury.count, 0);
}

TEST(a_rows_own_failure_buries_it_and_pauses_nobody)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");
    uint32_t index;
    size_t slot;

    flight_begin(flight);
    (void)add(flight, lane, 1, 0);
    assert_true(flight_next(flight, &slot, &index));
    flight_refuse(flight, slot, FAILURE_MALFORMED, "bad header");
    uint32_t token = flight_token(flight, add(flight, lane, 2, 0));
    (void)publish(flight, NOW_US);
    (void)flight_answer(flight, token, &too_large, NOW_US, 0);
    assert_int_equal(lane->state, LANE_OPEN);
    const Settlement *settlement = flight_settle(flight);
    assert_int_equal(settlement->bury.count, 2);
    assert_int_equal(settlement->retry.count, 0);
}

TEST(an_unknown_refusal_is_tried_again_until_the_attempts_are_used_up)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");

    for (int64_t attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
        const FlightRow row = {.lane = lane, .id = 1, .attempts = attempts};

        flight_begin(flight);
        uint32_t token = flight_token(flight, flight_add(flight, &row));
        (void)publish(flight, NOW_US);
        (void)flight_answer(flight, token, &unknown, NOW_US, 0);
        const Settlement *settlement = flight_settle(flight);
        bool last = attempts == ATTEMPTS_MAX - 1;

        assert_int_equal(settlement->retry.count, last ? 0 : 1);
        assert_int_equal(settlement->bury.count, last ? 1 : 0);
        assert_int_equal((last ? settlement->bury : settlement->retry).at[0].attempts,
                         attempts + 1);
    }
}

TEST(a_batch_waits_three_times_as_long_as_most_of_it_took_and_a_bit)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");
    uint32_t tokens[4];
    int64_t wait;

    flight_begin(flight);
    for (size_t i = 0; i < 4; i++)
        tokens[i] = flight_token(flight, add(flight, lane, (int64_t)i + 1, 0));
    (void)publish(flight, NOW_US);
    assert_true(flight_waits(flight, NOW_US, &wait));
    assert_int_equal(wait, 250 * 1000);
    for (size_t i = 0; i < 3; i++)
        (void)flight_answer(flight, tokens[i], &stored, NOW_US + 2000, 0);
    assert_true(flight_waits(flight, NOW_US + 2000, &wait));
    assert_int_equal(wait, 25 * 1000 + 3 * 2000 - 2000);
    assert_false(flight_waits(flight, NOW_US + 31 * 1000, &wait));
    (void)flight_answer(flight, tokens[3], &stored, NOW_US + 3000, 0);
    assert_false(flight_waits(flight, NOW_US + 3000, &wait));
}

TEST(a_late_answer_is_written_down_with_a_later_batch)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *slow = open_lane(lanes, "slow");

    flight_begin(flight);
    uint32_t token = flight_token(flight, add(flight, slow, 1, 0));
    (void)publish(flight, NOW_US);
    flight_end(flight);
    assert_int_equal(flight_settle(flight)->stored.count, 0);
    assert_int_equal(slow->in_flight, 1);
    (void)flight_answer(flight, token, &stored, NOW_US + 400 * 1000, 0);
    assert_int_equal(slow->in_flight, 0);
    const Settlement *settlement = flight_settle(flight);
    assert_int_equal(settlement->stored.count, 0);
    assert_int_equal(settlement->late.count, 1);
    assert_int_equal(settlement->late.at[0], 1);
}

TEST(a_late_failure_is_not_written_down_where_order_counts)
{
    static const uint64_t keys[] = {0, 99};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
        DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
        Lane *lane = open_lane(lanes, "acme");

        flight_begin(flight);
        uint32_t token = flight_token(flight, add(flight, lane, 1, keys[i]));
        (void)publish(flight, NOW_US);
        flight_end(flight);
        (void)flight_settle(flight);
        (void)flight_answer(flight, token, &full, NOW_US + 400 * 1000, 0);
        assert_int_equal(lane->state, LANE_PAUSED);
        assert_int_equal(flight_settle(flight)->retry.count, keys[i] == 0 ? 1 : 0);
        assert_int_equal(flight_room(flight), SLOTS);
    }
}

/* Another relay may have the lane by now, and be about to take the next row of the key. */
TEST(when_the_transaction_broke_no_failure_is_written_down_where_order_counts)
{
    static const uint64_t keys[] = {0, 99};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
        DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
        Lane *lane = open_lane(lanes, "acme");

        flight_begin(flight);
        uint32_t failed = flight_token(flight, add(flight, lane, 1, keys[i]));
        uint32_t late = flight_token(flight, add(flight, lane, 2, keys[i] * 2));
        uint32_t good = flight_token(flight, add(flight, lane, 3, keys[i] * 3));
        (void)publish(flight, NOW_US);
        (void)flight_answer(flight, failed, &too_large, NOW_US, 0);
        flight_disown(flight);
        (void)flight_answer(flight, late, &too_large, NOW_US, 0);
        (void)flight_answer(flight, good, &stored, NOW_US, 0);
        const Settlement *settlement = flight_settle(flight);
        assert_int_equal(settlement->bury.count, keys[i] == 0 ? 2 : 0);
        assert_int_equal(settlement->stored.count, 0);
        assert_int_equal(settlement->late.count, 1);
        assert_int_equal(flight_room(flight), SLOTS);
    }
}

TEST(a_probe_holds_up_no_batch)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");
    int64_t wait;

    lane->state = LANE_PROBING;
    flight_begin(flight);
    (void)add(flight, lane, 1, 0);
    (void)publish(flight, NOW_US);
    assert_false(flight_waits(flight, NOW_US, &wait));
}

TEST(silence_pauses_the_lane_and_leaves_the_rows)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");

    flight_begin(flight);
    (void)add(flight, lane, 1, 0);
    (void)add(flight, lane, 2, 0);
    (void)publish(flight, NOW_US);
    flight_end(flight);
    assert_int_equal(flight_expire(flight, NOW_US + 4999 * 1000, 0, "silence"), 0);
    assert_int_equal(flight_expire(flight, NOW_US + 5000 * 1000, 0, "silence"), 2);
    assert_int_equal(lane->state, LANE_PAUSED);
    assert_int_equal(lane->in_flight, 0);
    const Settlement *settlement = flight_settle(flight);
    assert_int_equal(settlement->retry.count, 1);
    assert_int_equal(settlement->stored.count + settlement->late.count, 0);
    assert_int_equal(flight_room(flight), SLOTS);
}

TEST(a_lost_connection_is_nobodys_fault)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");

    lane->floor = 2;
    flight_begin(flight);
    (void)add(flight, lane, 1, 0);
    (void)add(flight, lane, 2, 0);
    (void)publish(flight, NOW_US);
    flight_lost(flight);
    assert_int_equal(lane->state, LANE_OPEN);
    assert_int_equal(lane->in_flight, 0);
    assert_int_equal(lane->floor, 0);
    const Settlement *settlement = flight_settle(flight);
    assert_int_equal(settlement->retry.count + settlement->bury.count, 0);
    assert_int_equal(flight_room(flight), SLOTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_marked_once_its_stream_has_it),
        cmocka_unit_test(the_same_answer_twice_counts_once),
        cmocka_unit_test(an_answer_for_an_earlier_use_of_a_slot_means_nothing),
        cmocka_unit_test(a_row_of_a_key_goes_out_when_the_one_before_it_is_stored),
        cmocka_unit_test(when_a_row_fails_those_behind_it_stay_pending),
        cmocka_unit_test(a_lanes_failure_counts_for_one_row_and_pauses),
        cmocka_unit_test(a_rows_own_failure_buries_it_and_pauses_nobody),
        cmocka_unit_test(an_unknown_refusal_is_tried_again_until_the_attempts_are_used_up),
        cmocka_unit_test(a_batch_waits_three_times_as_long_as_most_of_it_took_and_a_bit),
        cmocka_unit_test(a_late_answer_is_written_down_with_a_later_batch),
        cmocka_unit_test(a_late_failure_is_not_written_down_where_order_counts),
        cmocka_unit_test(when_the_transaction_broke_no_failure_is_written_down_where_order_counts),
        cmocka_unit_test(a_probe_holds_up_no_batch),
        cmocka_unit_test(silence_pauses_the_lane_and_leaves_the_rows),
        cmocka_unit_test(a_lost_connection_is_nobodys_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Rows that go out together, in a run with one answer. */
#include "flight_rows.h"

enum { SLOTS = 128, FIRST_ID = 10 };

/* Publishes a run of COUNT rows of LANE, with ids from FIRST_ID on; the first one's token. */
static uint32_t publish_run(Flight *flight, Lane *lane, size_t count)
{
    uint32_t token = 0;
    size_t before = SLOT_NONE;
    size_t slot;
    uint32_t index;

    lane->batched = true;
    flight_begin(flight);
    for (size_t i = 0; i < count; i++)
        (void)add(flight, lane, FIRST_ID + (int64_t)i, 0);
    while (flight_next(flight, &slot, &index)) {
        token = before == SLOT_NONE ? flight_token(flight, slot) : token;
        flight_published(flight, slot, NOW_US);
        if (before != SLOT_NONE)
            flight_join(flight, before, slot);
        before = slot;
    }
    return token;
}

static void next_is_run_of(Flight *flight, size_t length)
{
    size_t slot;
    uint32_t index;

    assert_true(flight_next(flight, &slot, &index));
    assert_int_equal(flight_run(flight, slot), length);
    flight_published(flight, slot, NOW_US);
    for (size_t i = 1; i < length; i++) {
        assert_true(flight_next(flight, &slot, &index));
        flight_published(flight, slot, NOW_US);
    }
}

TEST(a_run_is_of_one_lane_whose_stream_takes_batches)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *acme = open_lane(lanes, "acme");
    Lane *plain = open_lane(lanes, "plain");
    Lane *other = open_lane(lanes, "other");

    acme->batched = true;
    other->batched = true;
    flight_begin(flight);
    for (int64_t id = 1; id <= 3; id++)
        (void)add(flight, acme, id, 0);
    (void)add(flight, plain, 4, 0);
    (void)add(flight, plain, 5, 0);
    (void)add(flight, other, 6, 0);
    next_is_run_of(flight, 3);
    next_is_run_of(flight, 1);
    next_is_run_of(flight, 1);
    next_is_run_of(flight, 1);
}

/* The next row of a key waits for the answer to the one before it, which in a run would come late.
 */
TEST(rows_with_a_key_and_probes_go_by_themselves)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *acme = open_lane(lanes, "acme");
    Lane *probed = open_lane(lanes, "probed");

    acme->batched = true;
    probed->batched = true;
    probed->state = LANE_PROBING;
    flight_begin(flight);
    (void)add(flight, acme, 1, 77);
    (void)add(flight, acme, 2, 0);
    (void)add(flight, acme, 3, 0);
    (void)add(flight, acme, 4, 78);
    (void)add(flight, probed, 5, 0);
    (void)add(flight, probed, 6, 0);
    next_is_run_of(flight, 1);
    next_is_run_of(flight, 2);
    next_is_run_of(flight, 1);
    next_is_run_of(flight, 1);
    next_is_run_of(flight, 1);
}

TEST(the_rows_of_a_run_are_found_one_behind_the_other)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    uint32_t token = publish_run(flight, open_lane(lanes, "acme"), 3);

    for (int64_t id = FIRST_ID; id < FIRST_ID + 3; id++) {
        uint32_t next = 0;
        bool more = flight_follower(flight, token, &next);

        assert_true(more == (id < FIRST_ID + 2));
        assert_non_null(flight_answer(flight, token, &stored, NOW_US, 0).lane);
        token = next;
    }
    const Settlement *settlement = flight_settle(flight);
    assert_int_equal(settlement->stored.count, 3);
    assert_int_equal(settlement->stored.at[2], FIRST_ID + 2);
}

TEST(rows_behind_the_end_of_a_run_stay_pending_and_go_one_by_one)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");
    uint32_t token = publish_run(flight, lane, 2);
    uint32_t next = 0;

    lane->floor = 1000;
    assert_true(flight_follower(flight, token, &next));
    (void)flight_answer(flight, token, &stored, NOW_US, 0);
    flight_give_back(flight, next, NOW_US);
    flight_give_back(flight, next, NOW_US); /* once more is nothing */
    assert_int_equal(flight_in_flight(flight), 0);
    assert_int_equal(lane->in_flight, 0);
    assert_false(lane->batched);
    assert_int_equal(lane->state, LANE_OPEN);
    assert_int_equal(lane->floor, FIRST_ID); /* so that the second is fetched again */
    const Settlement *settlement = flight_settle(flight);
    assert_int_equal(settlement->stored.count, 1);
    assert_int_equal(settlement->retry.count + settlement->bury.count, 0);
}

/* Its slot may hold a row of another tenant by now. */
TEST(a_row_that_left_its_run_is_not_found_through_it)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    uint32_t token = publish_run(flight, open_lane(lanes, "acme"), 2);
    uint32_t second = 0;

    assert_true(flight_follower(flight, token, &second));
    flight_give_back(flight, second, NOW_US);
    flight_end(flight);
    (void)flight_settle(flight);
    (void)publish_run(flight, open_lane(lanes, "other"), 2);
    assert_true(flight_follower(flight, token, &second));
    assert_null(flight_stream(flight, second));
    assert_null(flight_answer(flight, second, &stored, NOW_US, 0).lane);
}

TEST(a_row_that_could_not_be_sent_stays_pending_and_leaves_its_slot)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, 1 << 20);
    DEFER(defer_flight) Flight *flight = flight_new(SLOTS, ATTEMPTS_MAX);
    Lane *lane = open_lane(lanes, "acme");
    size_t slot;
    uint32_t index;

    flight_begin(flight);
    (void)add(flight, lane, 7, 0);
    assert_true(flight_next(flight, &slot, &index));
    flight_unsent(flight, slot);
    flight_lost(flight);
    assert_int_equal(flight_room(flight), SLOTS);
    assert_true(lane->floor < 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_of_one_lane_whose_stream_takes_batches),
        cmocka_unit_test(rows_with_a_key_and_probes_go_by_themselves),
        cmocka_unit_test(the_rows_of_a_run_are_found_one_behind_the_other),
        cmocka_unit_test(rows_behind_the_end_of_a_run_stay_pending_and_go_one_by_one),
        cmocka_unit_test(a_row_that_left_its_run_is_not_found_through_it),
        cmocka_unit_test(a_row_that_could_not_be_sent_stays_pending_and_leaves_its_slot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

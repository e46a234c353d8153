/* How many rows a stream gets at once: half as many when it is slow, slowly more when it is not. */
#include "lane_rounds.h"

/* All of a batch was stored: the last answer finds nothing else on its way. */
static void clean_batch(Lane *lane)
{
    assert_int_equal(lane->in_flight, 0);
    lane_stored(lane);
}

TEST(a_slow_stream_gets_half_as_many_rows_each_time_and_slowly_more_again)
{
    static const FailureCause causes[] = {FAILURE_BUSY, FAILURE_TIMEOUT};

    for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
        DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
        Lane *lane = open_lane(lanes, "a", 1);
        RoundPlan plan;

        (void)lane_pause(lane, causes[i], "why", NOW, 0);
        lanes_plan(lanes, BATCH, lane->resume_ms, &plan);
        assert_int_equal(planned(&plan, lane), 1); /* the probe */
        clean_batch(lane);
        lanes_plan(lanes, BATCH, lane->resume_ms, &plan);
        assert_in_range(planned(&plan, lane), BATCH / 2, BATCH / 2 + 64);

        for (int batch = 0; batch < 100; batch++)
            clean_batch(lane);
        assert_int_equal(lane->window, BATCH);
        for (int failure = 0; failure < 100; failure++) {
            lane->state = LANE_OPEN;
            (void)lane_pause(lane, causes[i], "why", NOW, 0);
        }
        assert_in_range(lane->window, 1, 64); /* never nothing */
    }
}

TEST(the_window_grows_with_whole_batches_only)
{
    DEFER(defer_lanes) Lanes *lanes = lanes_new(BATCH, BATCH_BYTES);
    Lane *lane = open_lane(lanes, "a", 1);

    (void)lane_pause(lane, FAILURE_BUSY, "why", NOW, 0);
    int64_t window = lane->window;
    lane->in_flight = 1; /* another answer is due */
    lane_stored(lane);
    assert_int_equal(lane->window, window);
    lane->in_flight = 0;
    clean_batch(lane);
    assert_true(lane->window > window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_stream_gets_half_as_many_rows_each_time_and_slowly_more_again),
        cmocka_unit_test(the_window_grows_with_whole_batches_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

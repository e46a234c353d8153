#include "pulse.h"
#include "unit.h"

static const char complaint[] = "the loop has not turned for a quarter of an hour";

TEST(a_loop_that_has_not_begun_is_no_reason_to_complain)
{
    const Pulse pulse = {.complaint = complaint};

    assert_null(pulse_complaint(&pulse, INT64_MAX));
}

TEST(a_loop_hangs_when_it_has_not_turned_for_longer_than_the_limit)
{
    Pulse pulse = {.complaint = complaint};

    pulse_beat(&pulse, 1000);
    assert_null(pulse_complaint(&pulse, 1000 + PULSE_STOPPED_MS));
    assert_string_equal(pulse_complaint(&pulse, 1001 + PULSE_STOPPED_MS), complaint);
}

TEST(a_loop_that_turns_again_is_well)
{
    Pulse pulse = {.complaint = complaint};

    pulse_beat(&pulse, 1000);
    pulse_beat(&pulse, 2000 + PULSE_STOPPED_MS);
    assert_null(pulse_complaint(&pulse, 3000 + PULSE_STOPPED_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_that_has_not_begun_is_no_reason_to_complain),
        cmocka_unit_test(a_loop_hangs_when_it_has_not_turned_for_longer_than_the_limit),
        cmocka_unit_test(a_loop_that_turns_again_is_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

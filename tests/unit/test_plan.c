#include "plan.h"
#include "unit.h"

static const struct {
    StepType type;
    const char *text;
    const char *reason;
} types[] = {
    {STEP_STREAM_CREATE, "create stream", "StreamCreated"},
    {STEP_STREAM_UPDATE, "update stream", "StreamUpdated"},
    {STEP_STREAM_DELETE, "delete stream", "StreamDeleted"},
    {STEP_CONSUMER_CREATE, "create consumer", "ConsumerCreated"},
    {STEP_CONSUMER_UPDATE, "update consumer", "ConsumerUpdated"},
    {STEP_CONSUMER_PAUSE, "pause or resume consumer", "ConsumerPaused"},
    {STEP_CONSUMER_DELETE, "delete consumer", "ConsumerDeleted"},
};

TEST(each_step_says_what_it_does_and_has_a_word_for_events)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        DEFER(text_done) Text text = TEXT_MAX(128);
        DEFER(plan_done) Plan plan = {0};

        plan_add(&plan, types[i].type, "", NULL, "");
        step_text(&plan.steps[0], &text);
        assert_string_equal(text_get(&text), types[i].text);
        assert_string_equal(step_reason(types[i].type), types[i].reason);
    }
}

TEST(a_plan_reads_as_its_steps_in_order)
{
    DEFER(text_done) Text text = TEXT_MAX(256);
    DEFER(plan_done) Plan plan = {0};

    plan_text(&plan, &text);
    assert_string_equal(text_get(&text), "");
    plan_add(&plan, STEP_STREAM_UPDATE, "", NULL, "maxAge 1h -> none");
    plan_add(&plan, STEP_CONSUMER_CREATE, "billing", NULL, "");
    plan_add(&plan, STEP_CONSUMER_UPDATE, "audit", NULL, "ackWait 30s -> 1m");
    plan_text(&plan, &text);
    assert_string_equal(text_get(&text), "update stream: maxAge 1h -> none; create consumer "
                                         "billing; update consumer audit: ackWait 30s -> 1m");
}

TEST(a_step_keeps_its_own_words)
{
    DEFER(plan_done) Plan plan = {0};
    char why[] = "because";
    char name[] = "billing";

    plan_add(&plan, STEP_CONSUMER_UPDATE, name, NULL, why);
    why[0] = 'X';
    name[0] = 'X';
    assert_string_equal(plan.steps[0].why, "because");
    assert_string_equal(plan.steps[0].consumer, "billing");
}

TEST(a_consumer_of_the_longest_name_fits)
{
    DEFER(plan_done) Plan plan = {0};
    char name[CONSUMER_NAME_MAX + 1];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    plan_add(&plan, STEP_CONSUMER_CREATE, name, NULL, "");
    assert_string_equal(plan.steps[0].consumer, name);
}

TEST(what_is_over_the_maximum_is_left_for_the_next_pass)
{
    DEFER(plan_done) Plan plan = {0};

    for (int i = 0; i < 2 * PLAN_STEPS_MAX; i++)
        plan_add(&plan, STEP_CONSUMER_CREATE, "c", NULL, "");
    assert_int_equal(plan.count, PLAN_STEPS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_says_what_it_does_and_has_a_word_for_events),
        cmocka_unit_test(a_plan_reads_as_its_steps_in_order),
        cmocka_unit_test(a_step_keeps_its_own_words),
        cmocka_unit_test(a_consumer_of_the_longest_name_fits),
        cmocka_unit_test(what_is_over_the_maximum_is_left_for_the_next_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

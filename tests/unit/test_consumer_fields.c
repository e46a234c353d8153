#include "consumer_fields.h"
#include "unit.h"
#include "yaml_value.h"

enum { NEWEST = 5, REASON_MAX = 4096 };

static cJSON *built_in(const char *spec, const char *stream, int64_t level)
{
    DEFER(defer_json) cJSON *value = yaml_value(spec);
    DEFER(defer_json) cJSON *stream_config = yaml_value(stream);
    const FieldInput input = {"spec.consumers[0]", value, level};
    cJSON *config = NULL;
    Error error;

    if (consumer_config_build(&input, stream_config, &config, &error) < 0)
        fail_msg("%s: %s", spec, error.text);
    return config;
}

static cJSON *built(const char *spec)
{
    return built_in(spec, "{}", NEWEST);
}

/* As nats-server 2.15.2 reports it; names, filters and marks are not the table's. */
static const char fresh[] =
    "{deliver_policy: all, ack_policy: explicit, ack_wait: 30000000000, max_deliver: -1, "
    "replay_policy: instant, max_waiting: 512, max_ack_pending: 1000, num_replicas: 0, "
    "metadata: {_nats.level: '5', _nats.req.level: '0', _nats.ver: 2.15.2}}";

TEST(a_freshly_made_consumer_does_not_differ)
{
    DEFER(defer_json) cJSON *newest = built("{name: billing}");
    DEFER(defer_json) cJSON *oldest = built_in("{name: billing}", "{}", 0);
    DEFER(defer_json) cJSON *server = yaml_value(fresh);

    assert_int_equal(fields_diff(&consumer_fields, newest, server, NULL), FIELD_DIFF_NONE);
    assert_int_equal(fields_diff(&consumer_fields, oldest, server, NULL), FIELD_DIFF_NONE);
}

TEST(an_old_server_is_sent_only_what_it_knows)
{
    DEFER(defer_json) cJSON *oldest = built_in("{}", "{}", 0);
    DEFER(defer_json) cJSON *newer = built_in("{}", "{}", 1);

    assert_null(json_at(oldest, "priority_policy"));
    assert_null(json_at(oldest, "priority_timeout"));
    assert_string_equal(json_text(newer, "priority_policy", ""), "none");
}

TEST(a_word_of_an_enum_has_a_level_of_its_own)
{
    DEFER(defer_json)
    cJSON *spec = yaml_value("{priorityPolicy: Prioritized, priorityGroups: [jobs]}");
    const FieldInput input = {"spec.consumers[3]", spec, 1};
    cJSON *config = NULL;
    Error error;

    assert_int_equal(consumer_config_build(&input, NULL, &config, &error), -1);
    assert_int_equal(error.kind, ERROR_UNSUPPORTED);
    assert_string_equal(error.text, "spec.consumers[3].priorityPolicy: needs NATS 2.12 (API level "
                                    "2); the server has level 1");
}

TEST(defaults_follow_the_other_fields_as_the_server_fills_them_in)
{
    static const struct {
        const char *spec;
        const char *stream;
        const char *name;
        int64_t want;
    } cases[] = {
        {"{}", "{}", "ack_wait", 30 * FIELD_SECOND},
        {"{ackPolicy: All}", "{}", "ack_wait", 30 * FIELD_SECOND},
        {"{ackPolicy: None}", "{}", "ack_wait", 0},
        {"{ackWait: 5s}", "{}", "ack_wait", 5 * FIELD_SECOND},
        {"{ackWait: 30s, backoff: [1s, 1m]}", "{}", "ack_wait", FIELD_SECOND},
        {"{}", "{}", "max_ack_pending", 1000},
        {"{ackPolicy: None}", "{}", "max_ack_pending", 0},
        {"{}", "{consumer_limits: {max_ack_pending: 7}}", "max_ack_pending", 7},
        {"{}", "{consumer_limits: {max_ack_pending: 5000}}", "max_ack_pending", 5000},
        {"{ackPolicy: None}", "{consumer_limits: {max_ack_pending: 7}}", "max_ack_pending", 7},
        {"{maxAckPending: 3}", "{consumer_limits: {max_ack_pending: 7}}", "max_ack_pending", 3},
        {"{maxAckPending: -1}", "{}", "max_ack_pending", -1},
        {"{}", "{}", "inactive_threshold", 0},
        {"{}", "{consumer_limits: {inactive_threshold: 5000000000}}", "inactive_threshold",
         5 * FIELD_SECOND},
        {"{inactiveThreshold: 1h}", "{}", "inactive_threshold", 3600 * FIELD_SECOND},
        {"{}", "{}", "priority_timeout", 0},
        {"{priorityPolicy: PinnedClient, priorityGroups: [a]}", "{}", "priority_timeout",
         120 * FIELD_SECOND},
        {"{priorityPolicy: PinnedClient, priorityGroups: [a], priorityTimeout: 5s}", "{}",
         "priority_timeout", 5 * FIELD_SECOND},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *config = built_in(cases[i].spec, cases[i].stream, NEWEST);

        assert_int_equal(json_int(config, cases[i].name, -7), cases[i].want);
    }
}

/* A year of nanoseconds is beyond what a double counts one by one. */
TEST(an_inherited_threshold_keeps_every_digit)
{
    DEFER(defer_json) cJSON *stream = yaml_value("{consumer_limits: {}}");
    DEFER(defer_json) cJSON *config = NULL;
    cJSON *limits = cJSON_GetObjectItemCaseSensitive(stream, "consumer_limits");
    const FieldInput input = {"spec.consumers[0]", NULL, NEWEST};
    Error error;

    json_set_int(limits, "inactive_threshold", FIELD_SECOND * 3600 * 8760);
    assert_int_equal(consumer_config_build(&input, stream, &config, &error), 0);
    assert_int_equal(json_int(config, "inactive_threshold", 0), FIELD_SECOND * 3600 * 8760);
}

TEST(a_field_that_leaves_the_manifest_returns_to_its_default)
{
    DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);
    DEFER(defer_json)
    cJSON *before =
        built("{ackWait: 5s, maxDeliver: 5, backoff: [1s, 10s], maxAckPending: 10, "
              "headersOnly: true, maxBatch: 5, maxExpires: 1m, maxBytes: 1Mi, replicas: 1, "
              "sampleFreq: 10%, inactiveThreshold: 1h}");
    DEFER(defer_json) cJSON *after = built("{}");

    assert_int_equal(fields_diff(&consumer_fields, after, before, &reason), FIELD_DIFF_UPDATE);
    assert_string_equal(text_get(&reason),
                        "ackWait 1s -> 30s, maxDeliver 5 -> unlimited, backoff [1s 10s] -> none, "
                        "sampleFreq 10% -> none, maxAckPending 10 -> 1000, headersOnly true -> "
                        "false, maxBatch 5 -> none, maxExpires 1m -> none, maxBytes 1Mi -> none, "
                        "inactiveThreshold 1h -> none, replicas 1 -> none");
}

TEST(what_the_server_would_refuse_to_change_is_fixed)
{
    static const struct {
        const char *before;
        const char *after;
        const char *reason;
    } cases[] = {
        {"{}", "{deliverPolicy: New, ackWait: 1s}", "deliverPolicy All -> New"},
        {"{ackPolicy: All}", "{}", "ackPolicy All -> Explicit"},
        {"{replayPolicy: Original}", "{}", "replayPolicy Original -> Instant"},
        {"{maxWaiting: 5}", "{}", "maxWaiting 5 -> 512"},
        {"{}", "{memStorage: true}", "memStorage false -> true"},
        {"{optStartSeq: 5}", "{optStartSeq: 6}", "optStartSeq 5 -> 6"},
        {"{optStartTime: '2026-01-01T00:00:00Z'}", "{}",
         "optStartTime 2026-01-01T00:00:00Z -> none"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);
        DEFER(defer_json) cJSON *before = built(cases[i].before);
        DEFER(defer_json) cJSON *after = built(cases[i].after);

        assert_int_equal(fields_diff(&consumer_fields, after, before, &reason), FIELD_DIFF_FIXED);
        assert_string_equal(text_get(&reason), cases[i].reason);
    }
}

TEST(a_push_consumer_is_not_one_of_ours)
{
    DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);
    DEFER(defer_json) cJSON *desired = built("{}");
    DEFER(defer_json) cJSON *observed = yaml_value(fresh);

    json_set_text(observed, "deliver_subject", "tenant.b.events.x");
    assert_int_equal(fields_diff(&consumer_fields, desired, observed, &reason), FIELD_DIFF_FIXED);
    assert_string_equal(text_get(&reason), "deliver_subject tenant.b.events.x -> none");
}

TEST(a_filter_that_was_changed_by_hand_is_put_back)
{
    DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);
    DEFER(defer_json) cJSON *desired = built("{}");
    DEFER(defer_json) cJSON *observed = yaml_value(fresh);

    json_set_text(desired, "filter_subject", "tenant.a.events.x");
    json_set_text(observed, "filter_subject", "tenant.a.events.y");
    assert_int_equal(fields_diff(&consumer_fields, desired, observed, &reason), FIELD_DIFF_UPDATE);
    assert_string_equal(text_get(&reason), "filter_subject tenant.a.events.y -> tenant.a.events.x");
}

TEST(a_pause_is_told_apart_from_an_update)
{
    static const struct {
        const char *desired;
        const char *observed;
        const char *want;
    } cases[] = {
        {"{}", "{}", ""},
        {"{pauseUntil: '2030-01-01T00:00:00Z'}", "{pause_until: '2030-01-01T00:00:00Z'}", ""},
        {"{pauseUntil: '2030-01-01T00:00:00.50Z'}", "{pause_until: '2030-01-01T00:00:00.5Z'}", ""},
        {"{}", "{pause_until: '2030-01-01T00:00:00Z'}", "pauseUntil 2030-01-01T00:00:00Z -> none"},
        {"{pauseUntil: '2030-01-01T00:00:00Z'}", "{}", "pauseUntil none -> 2030-01-01T00:00:00Z"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);
        DEFER(defer_json) cJSON *desired = built(cases[i].desired);
        DEFER(defer_json) cJSON *pause = yaml_value(cases[i].observed);
        DEFER(defer_json) cJSON *observed = yaml_value(fresh);

        if (json_at(pause, "pause_until") != NULL)
            json_set_text(observed, "pause_until", json_text(pause, "pause_until", ""));
        assert_int_equal(fields_diff(&consumer_fields, desired, observed, NULL), FIELD_DIFF_NONE);
        assert_int_equal(consumer_pause_differs(desired, observed, &reason),
                         *cases[i].want != '\0');
        assert_string_equal(text_get(&reason), cases[i].want);
        assert_int_equal(consumer_pause_differs(desired, observed, NULL), *cases[i].want != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_freshly_made_consumer_does_not_differ),
        cmocka_unit_test(an_old_server_is_sent_only_what_it_knows),
        cmocka_unit_test(a_word_of_an_enum_has_a_level_of_its_own),
        cmocka_unit_test(defaults_follow_the_other_fields_as_the_server_fills_them_in),
        cmocka_unit_test(an_inherited_threshold_keeps_every_digit),
        cmocka_unit_test(a_field_that_leaves_the_manifest_returns_to_its_default),
        cmocka_unit_test(what_the_server_would_refuse_to_change_is_fixed),
        cmocka_unit_test(a_push_consumer_is_not_one_of_ours),
        cmocka_unit_test(a_filter_that_was_changed_by_hand_is_put_back),
        cmocka_unit_test(a_pause_is_told_apart_from_an_update),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

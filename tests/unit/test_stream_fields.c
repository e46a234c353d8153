#include "stream_fields.h"
#include "unit.h"
#include "yaml_value.h"

enum { NEWEST = 5, REASON_MAX = 4096 };

static cJSON *built(const char *spec, int64_t level, int64_t replicas)
{
    DEFER(defer_json) cJSON *value = yaml_value(spec);
    const FieldInput input = {"spec.stream", value, level};
    cJSON *config = NULL;
    Error error;

    if (stream_config_build(&input, replicas, &config, &error) < 0)
        fail_msg("%s: %s", spec, error.text);
    return config;
}

/* What nats-server 2.15.2 reports for a stream that was made from an empty spec; the name, the
 * subjects and the marks are not the table's. */
static const char fresh[] =
    "{retention: limits, max_consumers: -1, max_msgs: -1, max_bytes: -1, max_age: 0, "
    "max_msgs_per_subject: -1, max_msg_size: -1, discard: old, storage: file, num_replicas: 1, "
    "duplicate_window: 120000000000, compression: none, allow_direct: false, "
    "mirror_direct: false, sealed: false, deny_delete: false, deny_purge: false, "
    "allow_rollup_hdrs: false, consumer_limits: {}, allow_msg_ttl: false, "
    "metadata: {_nats.level: '5', _nats.req.level: '0', _nats.ver: 2.15.2}}";

/* The same from 2.10.29, which knows none of the later fields. */
static const char fresh_old[] =
    "{retention: limits, max_consumers: -1, max_msgs: -1, max_bytes: -1, max_age: 0, "
    "max_msgs_per_subject: -1, max_msg_size: -1, discard: old, storage: file, num_replicas: 1, "
    "duplicate_window: 120000000000, compression: none, allow_direct: false, "
    "mirror_direct: false, sealed: false, deny_delete: false, deny_purge: false, "
    "allow_rollup_hdrs: false, consumer_limits: {}}";

TEST(a_freshly_made_stream_does_not_differ)
{
    DEFER(defer_json) cJSON *newest = built("{}", NEWEST, 1);
    DEFER(defer_json) cJSON *oldest = built("{}", 0, 1);
    DEFER(defer_json) cJSON *server = yaml_value(fresh);
    DEFER(defer_json) cJSON *old_server = yaml_value(fresh_old);

    assert_int_equal(fields_diff(&stream_fields, newest, server, NULL), FIELD_DIFF_NONE);
    assert_int_equal(fields_diff(&stream_fields, oldest, old_server, NULL), FIELD_DIFF_NONE);
}

TEST(an_old_server_is_sent_only_what_it_knows)
{
    static const char *const later[] = {"allow_msg_ttl",       "subject_delete_marker_ttl",
                                        "allow_msg_counter",   "allow_atomic",
                                        "allow_msg_schedules", "persist_mode",
                                        "allow_batched"};
    static const int64_t levels[] = {1, 1, 2, 2, 2, 2, 4};

    for (int64_t level = 0; level <= NEWEST; level++) {
        DEFER(defer_json) cJSON *config = built("{}", level, 1);

        for (size_t i = 0; i < ARRAY_SIZE(later); i++)
            assert_int_equal(json_at(config, later[i]) != NULL, levels[i] <= level);
    }
}

TEST(a_field_that_leaves_the_manifest_returns_to_its_default)
{
    DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);
    DEFER(defer_json)
    cJSON *before =
        built("{maxAge: 168h, maxBytes: 10Gi, maxMsgs: 5, discard: New, compression: S2, "
              "allowDirect: true, consumerLimits: {maxAckPending: 7}, metadata: {team: blue}, "
              "duplicateWindow: 1h, allowAtomic: true, placement: {cluster: east}}",
              NEWEST, 1);
    DEFER(defer_json) cJSON *after = built("{}", NEWEST, 1);

    assert_int_equal(fields_diff(&stream_fields, after, before, &reason), FIELD_DIFF_UPDATE);
    assert_string_equal(
        text_get(&reason),
        "maxAge 168h -> none, maxBytes 10Gi -> unlimited, maxMsgs 5 -> unlimited, discard New -> "
        "Old, duplicateWindow 1h -> 2m, placement.cluster east -> none, compression S2 -> None, "
        "allowDirect true -> false, consumerLimits.maxAckPending 7 -> none, allowAtomic true -> "
        "false, metadata.team blue -> none");
}

TEST(the_duplicate_window_is_two_minutes_or_max_age)
{
    static const struct {
        const char *spec;
        int64_t want_s;
    } cases[] = {
        {"{}", 120},
        {"{maxAge: 1h}", 120},
        {"{maxAge: 30s}", 30},
        {"{maxAge: 30s, duplicateWindow: 10s}", 10},
        {"{duplicateWindow: 3h}", 10800},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *config = built(cases[i].spec, NEWEST, 1);

        assert_int_equal(json_int(config, "duplicate_window", -1), cases[i].want_s * FIELD_SECOND);
    }
}

TEST(replicas_are_the_manifests_or_the_servers_and_one_where_persisting_is_asynchronous)
{
    static const struct {
        const char *spec;
        int64_t want;
    } cases[] = {{"{}", 3}, {"{replicas: 5}", 5}, {"{persistMode: Async}", 1}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *config = built(cases[i].spec, NEWEST, 3);

        assert_int_equal(json_int(config, "num_replicas", -1), cases[i].want);
    }
}

TEST(what_a_field_turns_on_is_sent_with_it)
{
    DEFER(defer_json) cJSON *markers = built("{subjectDeleteMarkerTTL: 5s}", NEWEST, 1);
    DEFER(defer_json) cJSON *schedules = built("{allowMsgSchedules: true}", NEWEST, 1);

    assert_true(json_bool(markers, "allow_msg_ttl", false));
    assert_true(json_bool(markers, "allow_rollup_hdrs", false));
    assert_false(json_bool(schedules, "allow_msg_ttl", true));
    assert_true(json_bool(schedules, "allow_rollup_hdrs", false));
}

TEST(what_the_server_would_refuse_to_change_is_fixed)
{
    static const struct {
        const char *before;
        const char *after;
        FieldDiff want;
        const char *reason;
    } cases[] = {
        {"{}", "{storage: Memory, maxMsgs: 1}", FIELD_DIFF_FIXED, "storage File -> Memory"},
        {"{}", "{retention: WorkQueue}", FIELD_DIFF_FIXED, "retention Limits -> WorkQueue"},
        {"{retention: WorkQueue}", "{}", FIELD_DIFF_FIXED, "retention WorkQueue -> Limits"},
        {"{retention: Interest}", "{}", FIELD_DIFF_UPDATE, "retention Interest -> Limits"},
        {"{}", "{allowMsgCounter: true}", FIELD_DIFF_FIXED, "allowMsgCounter false -> true"},
        {"{persistMode: Async}", "{}", FIELD_DIFF_FIXED, "persistMode Async -> Default"},
        {"{firstSeq: 5}", "{}", FIELD_DIFF_FIXED, "firstSeq 5 -> none"},
        {"{denyPurge: true}", "{}", FIELD_DIFF_FIXED, "denyPurge true -> false"},
        {"{}", "{denyPurge: true}", FIELD_DIFF_UPDATE, "denyPurge false -> true"},
        {"{denyDelete: true}", "{}", FIELD_DIFF_FIXED, "denyDelete true -> false"},
        {"{allowMsgTTL: true}", "{}", FIELD_DIFF_FIXED, "allowMsgTTL true -> false"},
        {"{subjectDeleteMarkerTTL: 1m}", "{allowMsgTTL: true}", FIELD_DIFF_UPDATE,
         "allowRollupHdrs true -> false, subjectDeleteMarkerTTL 1m -> none"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);
        DEFER(defer_json) cJSON *before = built(cases[i].before, NEWEST, 1);
        DEFER(defer_json) cJSON *after = built(cases[i].after, NEWEST, 1);

        assert_int_equal(fields_diff(&stream_fields, after, before, &reason), cases[i].want);
        assert_string_equal(text_get(&reason), cases[i].reason);
    }
}

/* Someone with access to JetStream made the tenant's stream read from another's, or write to it. */
TEST(what_crosses_tenants_is_taken_away_again)
{
    static const struct {
        const char *observed;
        FieldDiff want;
        const char *reason;
    } cases[] = {
        {"{num_replicas: 1, sources: [{name: TENANT_B}]}", FIELD_DIFF_UPDATE,
         "sources [{\"name\":\"TENANT_B\"}] -> none"},
        {"{num_replicas: 1, mirror: {name: TENANT_B}}", FIELD_DIFF_UPDATE,
         "mirror {\"name\":\"TENANT_B\"} -> none"},
        {"{num_replicas: 1, republish: {src: '>', dest: tenant.b.>}}", FIELD_DIFF_UPDATE,
         "republish {\"src\":\">\",\"dest\":\"tenant.b.>\"} -> none"},
        {"{num_replicas: 1, subject_transform: {src: a, dest: b}}", FIELD_DIFF_UPDATE,
         "subject_transform {\"src\":\"a\",\"dest\":\"b\"} -> none"},
        {"{num_replicas: 1, no_ack: true}", FIELD_DIFF_UPDATE, "no_ack true -> none"},
        {"{num_replicas: 1, sealed: true}", FIELD_DIFF_FIXED, "sealed true -> none"},
    };
    DEFER(defer_json) cJSON *desired = built("{duplicateWindow: 2m}", NEWEST, 1);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);
        DEFER(defer_json) cJSON *observed = yaml_value(cases[i].observed);

        json_set_int(observed, "duplicate_window", FIELD_SECOND * 120);
        assert_int_equal(fields_diff(&stream_fields, desired, observed, &reason), cases[i].want);
        assert_string_equal(text_get(&reason), cases[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_freshly_made_stream_does_not_differ),
        cmocka_unit_test(an_old_server_is_sent_only_what_it_knows),
        cmocka_unit_test(a_field_that_leaves_the_manifest_returns_to_its_default),
        cmocka_unit_test(the_duplicate_window_is_two_minutes_or_max_age),
        cmocka_unit_test(
            replicas_are_the_manifests_or_the_servers_and_one_where_persisting_is_asynchronous),
        cmocka_unit_test(what_a_field_turns_on_is_sent_with_it),
        cmocka_unit_test(what_the_server_would_refuse_to_change_is_fixed),
        cmocka_unit_test(what_crosses_tenants_is_taken_away_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

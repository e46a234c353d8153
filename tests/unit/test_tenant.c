#include "alloc.h"
#include "ownership.h"
#include "tenant.h"
#include "text.h"
#include "unit.h"
#include "yaml_value.h"

static const TenantScope scope = {.cluster = "c1", .api_level = 5, .replicas = 1};

static cJSON *object(const char *name, const char *spec)
{
    cJSON *tenant = yaml_value("{apiVersion: bulkhead.dev/v1alpha1, kind: Tenant, "
                               "metadata: {uid: u1, resourceVersion: '7', generation: 3}}");

    json_set_text(cJSON_GetObjectItemCaseSensitive(tenant, "metadata"), "name", name);
    json_set(tenant, "spec", yaml_value(spec));
    return tenant;
}

static int desired_of(const char *name, const char *spec, const TenantScope *where,
                      TenantDesired *ret_desired, Error *reterr)
{
    DEFER(defer_json) cJSON *value = object(name, spec);
    Tenant tenant;

    assert_int_equal(tenant_parse(value, &tenant, reterr), 0);
    return tenant_desired(&tenant, where, ret_desired, reterr);
}

static TenantDesired desired(const char *spec)
{
    TenantDesired result;
    Error error;

    if (desired_of("acme", spec, &scope, &result, &error) < 0)
        fail_msg("%s: %s", spec, error.text);
    return result;
}

static const char *label(const cJSON *config, const char *name)
{
    return json_text(cJSON_GetObjectItemCaseSensitive(json_at(config, "metadata"), name), "",
                     "none");
}

TEST(an_object_becomes_a_tenant)
{
    DEFER(defer_json)
    cJSON *value =
        yaml_value("{metadata: {name: acme, uid: u1, resourceVersion: '7', generation: 3, "
                   "deletionTimestamp: '2026-01-02T15:04:05Z', "
                   "finalizers: [other/one, bulkhead.dev/cleanup]}, "
                   "spec: {mode: Suspend, deletionPolicy: Delete, stream: {adoption: Adopt}}, "
                   "status: {lag: 4}}");
    Tenant tenant;
    Error error;

    assert_int_equal(tenant_parse(value, &tenant, &error), 0);
    assert_string_equal(tenant.id, "acme");
    assert_string_equal(tenant.uid, "u1");
    assert_string_equal(tenant.resource_version, "7");
    assert_string_equal(tenant.deletion_timestamp, "2026-01-02T15:04:05Z");
    assert_string_equal(tenant.stream, "TENANT_ACME");
    assert_int_equal(tenant.generation, 3);
    assert_int_equal(tenant.mode, TENANT_SUSPEND);
    assert_true(tenant.has_finalizer);
    assert_true(tenant.delete_data);
    assert_true(tenant.adopt);
    assert_int_equal(json_int(tenant.status, "lag", 0), 4);
}

TEST(what_is_not_said_is_the_safe_choice)
{
    DEFER(defer_json) cJSON *value = object("acme", "{}");
    Tenant tenant;
    Error error;

    assert_int_equal(tenant_parse(value, &tenant, &error), 0);
    assert_null(tenant.deletion_timestamp);
    assert_null(tenant.status);
    assert_int_equal(tenant.mode, TENANT_ENFORCE);
    assert_false(tenant.has_finalizer);
    assert_false(tenant.delete_data);
    assert_false(tenant.adopt);
}

/* Such an object came from a newer version, or past the CRD. */
TEST(a_word_that_is_not_known_makes_nobody_act)
{
    DEFER(defer_json)
    cJSON *value =
        object("acme", "{mode: Destroy, deletionPolicy: delete, stream: {adoption: 'Yes'}}");
    Tenant tenant;
    Error error;

    assert_int_equal(tenant_parse(value, &tenant, &error), 0);
    assert_int_equal(tenant.mode, TENANT_OBSERVE);
    assert_false(tenant.delete_data);
    assert_false(tenant.adopt);
}

TEST(what_did_not_come_from_the_api_is_refused)
{
    static const char *const objects[] = {
        "{}",
        "{metadata: {name: acme, uid: u1}}",
        "{metadata: {name: acme, resourceVersion: '7'}}",
        "{metadata: {uid: u1, resourceVersion: '7'}}",
        "{metadata: {name: 7, uid: u1, resourceVersion: '7'}}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        DEFER(defer_json) cJSON *value = yaml_value(objects[i]);
        Tenant tenant;
        Error error;

        assert_int_equal(tenant_parse(value, &tenant, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
    }
}

TEST(an_empty_spec_is_a_stream_with_the_tenants_subjects_and_mark)
{
    DEFER(tenant_desired_done) TenantDesired tenant = desired("{}");

    assert_string_equal(json_text(tenant.stream, "name", ""), "TENANT_ACME");
    assert_int_equal(cJSON_GetArraySize(json_at(tenant.stream, "subjects")), 1);
    assert_string_equal(json_text(json_at(tenant.stream, "subjects")->child, "", ""),
                        "tenant.acme.events.*");
    assert_int_equal(json_int(tenant.stream, "max_consumers", 0), -1);
    assert_int_equal(owner_of(tenant.stream, "u1", "c1"), OWNER_SELF);
    assert_int_equal(cJSON_GetArraySize(json_at(tenant.stream, "metadata")), 2);
    assert_int_equal(tenant.consumer_count, 0);
    assert_int_equal(tenant.relay.weight, 1);
}

TEST(event_types_of_many_tokens_take_the_deep_wildcard)
{
    DEFER(tenant_desired_done)
    TenantDesired tenant = desired("{stream: {eventTypes: MultiToken}, "
                                   "consumers: [{name: a, eventTypes: [invoice.created]}]}");

    assert_string_equal(json_text(json_at(tenant.stream, "subjects")->child, "", ""),
                        "tenant.acme.events.>");
    assert_string_equal(json_text(tenant.consumers[0].config, "filter_subject", ""),
                        "tenant.acme.events.invoice.created");
}

TEST(the_stream_carries_the_manifests_labels_the_marks_and_the_relays_settings)
{
    DEFER(tenant_desired_done)
    TenantDesired tenant = desired("{stream: {metadata: {team: blue}}, mode: Suspend, "
                                   "relay: {weight: 3, ordering: Key, onDead: Block}, "
                                   "limits: {eventsPerSecond: 5, burst: 9, maxConsumers: 20}}");

    assert_string_equal(label(tenant.stream, "team"), "blue");
    assert_string_equal(label(tenant.stream, "bulkhead.dev/uid"), "u1");
    assert_string_equal(label(tenant.stream, "bulkhead.dev/cluster"), "c1");
    assert_string_equal(label(tenant.stream, "bulkhead.dev/relay.weight"), "3");
    assert_string_equal(label(tenant.stream, "bulkhead.dev/relay.ordering"), "Key");
    assert_string_equal(label(tenant.stream, "bulkhead.dev/relay.on-dead"), "Block");
    assert_string_equal(label(tenant.stream, "bulkhead.dev/relay.events-per-second"), "5");
    assert_string_equal(label(tenant.stream, "bulkhead.dev/relay.burst"), "9");
    assert_string_equal(label(tenant.stream, "bulkhead.dev/relay.hold"), "true");
    assert_int_equal(json_int(tenant.stream, "max_consumers", 0), 20);
    assert_true(tenant.relay.hold);
}

TEST(a_consumer_is_durable_filtered_and_marked)
{
    DEFER(tenant_desired_done)
    TenantDesired tenant = desired("{consumers: [{name: all}, {name: one, eventTypes: [a]}, "
                                   "{name: two, eventTypes: [a, b], metadata: {k: v}}]}");
    const cJSON *all = tenant.consumers[0].config;
    const cJSON *one = tenant.consumers[1].config;
    const cJSON *two = tenant.consumers[2].config;

    assert_int_equal(tenant.consumer_count, 3);
    assert_string_equal(tenant.consumers[0].name, "all");
    assert_string_equal(json_text(all, "name", ""), "all");
    assert_string_equal(json_text(all, "durable_name", ""), "all");
    assert_null(json_at(all, "filter_subject"));
    assert_null(json_at(all, "filter_subjects"));
    assert_string_equal(json_text(one, "filter_subject", ""), "tenant.acme.events.a");
    assert_null(json_at(one, "filter_subjects"));
    assert_int_equal(cJSON_GetArraySize(json_at(two, "filter_subjects")), 2);
    assert_null(json_at(two, "filter_subject"));
    assert_string_equal(label(two, "k"), "v");
    for (size_t i = 0; i < tenant.consumer_count; i++)
        assert_int_equal(owner_of(tenant.consumers[i].config, "u1", "c1"), OWNER_SELF);
    assert_int_equal(tenant_consumer_find(&tenant, "two"), 2);
    assert_int_equal(tenant_consumer_find(&tenant, "three"), -1);
}

TEST(a_suspended_tenants_consumers_are_paused_where_the_server_can)
{
    static const char spec[] = "{mode: Suspend, consumers: [{name: a}]}";
    const TenantScope old = {.cluster = "c1", .api_level = 0, .replicas = 1};
    DEFER(tenant_desired_done) TenantDesired paused = desired(spec);
    DEFER(tenant_desired_done) TenantDesired running = {0};
    Error error;

    assert_string_equal(json_text(paused.consumers[0].config, "pause_until", ""), TENANT_PAUSED);
    assert_int_equal(desired_of("acme", spec, &old, &running, &error), 0);
    assert_null(json_at(running.consumers[0].config, "pause_until"));
    assert_true(running.relay.hold);
}

TEST(consumers_inherit_the_limits_of_the_stream)
{
    DEFER(tenant_desired_done)
    TenantDesired tenant = desired("{stream: {consumerLimits: {maxAckPending: 7}}, "
                                   "consumers: [{name: a}]}");

    assert_int_equal(json_int(tenant.consumers[0].config, "max_ack_pending", 0), 7);
}

TEST(a_spec_that_went_past_the_crd_is_refused_with_the_path)
{
    static const struct {
        const char *name;
        const char *spec;
        const char *want;
    } cases[] = {
        {"a.b", "{}",
         "metadata.name: 'a.b' must be 1 to 40 characters of a-z, 0-9 and '-', and must begin and "
         "end with a letter or a digit"},
        {"acme", "7", "spec: must be an object"},
        {"acme", "{mode: 'Off'}", "spec.mode: 'Off' must be one of Enforce, Observe, Suspend"},
        {"acme", "{isolation: Account}", "spec.isolation: 'Account' must be one of Stream"},
        {"acme", "{stream: [a]}", "spec.stream: must be an object"},
        {"acme", "{stream: {adoption: 'Yes'}}",
         "spec.stream.adoption: 'Yes' must be one of Refuse, Adopt"},
        {"acme", "{stream: {storage: Tape}}",
         "spec.stream.storage: 'Tape' must be one of File, Memory"},
        {"acme", "{stream: {metadata: {bulkhead.dev/uid: stolen}}}",
         "spec.stream.metadata: name 'bulkhead.dev/uid' must not begin with '_nats.' or "
         "'bulkhead.dev/'"},
        {"acme", "{limits: {eventsPerSecond: 0}}",
         "spec.limits.eventsPerSecond: must be a whole number from 1 to 1000000"},
        {"acme", "{relay: {weight: 101}}",
         "spec.relay.weight: must be a whole number from 1 to 100"},
        {"acme", "{slo: {latency: 25h}}",
         "spec.slo.latency: must be a duration from 1ms to 24h, such as 1h30m"},
        {"acme", "{consumers: {name: a}}", "spec.consumers: must be a list of at most 64"},
        {"acme", "{consumers: [a]}",
         "spec.consumers[0].name: '' must be 1 to 64 characters of A-Z, a-z, 0-9, '_' and '-'"},
        {"acme", "{consumers: [{name: ok}, {name: a.b}]}",
         "spec.consumers[1].name: 'a.b' must be 1 to 64 characters of A-Z, a-z, 0-9, '_' and '-'"},
        {"acme", "{consumers: [{name: a>}]}",
         "spec.consumers[0].name: 'a>' must be 1 to 64 characters of A-Z, a-z, 0-9, '_' and '-'"},
        {"acme", "{consumers: [{name: a}, {name: a}]}",
         "spec.consumers[1].name: 'a' is there twice"},
        {"acme", "{consumers: [{name: a}, {name: b}], limits: {maxConsumers: 1}}",
         "spec.limits.maxConsumers: must be at least the number of consumers, 2"},
        {"acme", "{consumers: [{name: a, ackWait: 1d}]}",
         "spec.consumers[0].ackWait: '1d' is not a duration: want up to four numbers of at most "
         "five digits, each with h, m, s or ms, as in 1h30m"},
        {"acme", "{consumers: [{name: a, eventTypes: []}]}",
         "spec.consumers[0].eventTypes: must have 1 to 32 items"},
        {"acme", "{consumers: [{name: a, eventTypes: all}]}",
         "spec.consumers[0].eventTypes: must have 1 to 32 items"},
        {"acme", "{consumers: [{name: a, eventTypes: ['>']}]}",
         "spec.consumers[0].eventTypes: '>' must be tokens of A-Z, a-z, 0-9, '_' and '-', joined "
         "by dots, of at most 128 characters"},
        {"acme", "{consumers: [{name: a, eventTypes: [7]}]}",
         "spec.consumers[0].eventTypes: '' must be tokens of A-Z, a-z, 0-9, '_' and '-', joined by "
         "dots, of at most 128 characters"},
        {"acme", "{consumers: [{name: a, eventTypes: [x.y]}]}",
         "spec.consumers[0].eventTypes: 'x.y' must have no '.', unless spec.stream.eventTypes is "
         "MultiToken"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        TenantDesired result;
        Error error;

        assert_int_equal(desired_of(cases[i].name, cases[i].spec, &scope, &result, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].want);
    }
}

TEST(a_field_of_a_newer_server_is_unsupported_by_an_older_one)
{
    const TenantScope old = {.cluster = "c1", .api_level = 1, .replicas = 1};
    TenantDesired result;
    Error error;

    assert_int_equal(desired_of("acme", "{stream: {allowAtomic: true}}", &old, &result, &error),
                     -1);
    assert_int_equal(error.kind, ERROR_UNSUPPORTED);
    assert_string_equal(error.text, "spec.stream.allowAtomic: needs NATS 2.12 (API level 2); the "
                                    "server has level 1");
}

TEST(sixty_four_consumers_fit_and_one_more_does_not)
{
    DEFER(text_done) Text spec = TEXT_MAX(1 << 16);
    DEFER(tenant_desired_done) TenantDesired result = {0};
    TenantDesired none;
    Error error;

    text_add(&spec, "{consumers: [");
    for (int i = 0; i < TENANT_CONSUMERS_MAX; i++)
        text_addf(&spec, "%s{name: c%d}", i > 0 ? ", " : "", i);
    DEFER(defer_free) char *full = xasprintf("%s]}", text_get(&spec));
    DEFER(defer_free) char *over = xasprintf("%s, {name: more}]}", text_get(&spec));

    assert_int_equal(desired_of("acme", full, &scope, &result, &error), 0);
    assert_int_equal(result.consumer_count, TENANT_CONSUMERS_MAX);
    assert_int_equal(desired_of("acme", over, &scope, &none, &error), -1);
    assert_string_equal(error.text, "spec.consumers: must be a list of at most 64");
}

TEST(an_id_that_is_not_valid_has_no_stream)
{
    DEFER(defer_json) cJSON *value = object("Acme", "{}");
    Tenant tenant;
    Error error;

    assert_int_equal(tenant_parse(value, &tenant, &error), 0);
    assert_string_equal(tenant.stream, "");
}

TEST(a_consumer_is_declared_by_its_exact_name)
{
    static const struct {
        const char *spec;
        const char *name;
        bool want;
    } cases[] = {
        {"{consumers: [{name: billing}, {name: audit}]}", "audit", true},
        {"{consumers: [{name: billing}]}", "Billing", false},
        {"{consumers: [{name: billing}]}", "bill", false},
        {"{consumers: [{name: billing}]}", "", false},
        {"{consumers: []}", "billing", false},
        {"{}", "billing", false},
        {"{consumers: {name: billing}}", "billing", false},
        {"{consumers: [{name: 5}, 7, {}]}", "5", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *value = object("acme", cases[i].spec);
        Tenant tenant;
        Error error;

        assert_int_equal(tenant_parse(value, &tenant, &error), 0);
        assert_int_equal(tenant_declares_consumer(&tenant, cases[i].name), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_becomes_a_tenant),
        cmocka_unit_test(what_is_not_said_is_the_safe_choice),
        cmocka_unit_test(a_word_that_is_not_known_makes_nobody_act),
        cmocka_unit_test(what_did_not_come_from_the_api_is_refused),
        cmocka_unit_test(an_empty_spec_is_a_stream_with_the_tenants_subjects_and_mark),
        cmocka_unit_test(event_types_of_many_tokens_take_the_deep_wildcard),
        cmocka_unit_test(the_stream_carries_the_manifests_labels_the_marks_and_the_relays_settings),
        cmocka_unit_test(a_consumer_is_durable_filtered_and_marked),
        cmocka_unit_test(a_suspended_tenants_consumers_are_paused_where_the_server_can),
        cmocka_unit_test(consumers_inherit_the_limits_of_the_stream),
        cmocka_unit_test(a_spec_that_went_past_the_crd_is_refused_with_the_path),
        cmocka_unit_test(a_field_of_a_newer_server_is_unsupported_by_an_older_one),
        cmocka_unit_test(sixty_four_consumers_fit_and_one_more_does_not),
        cmocka_unit_test(an_id_that_is_not_valid_has_no_stream),
        cmocka_unit_test(a_consumer_is_declared_by_its_exact_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

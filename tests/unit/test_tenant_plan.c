#include "ownership.h"
#include "tenant_world.h"

#define TWO_CONSUMERS "\"consumers\":[{\"name\":\"billing\"},{\"name\":\"audit\"}]"

static void plan_is(const World *world, const char *want)
{
    DEFER(text_done) Text text = TEXT_MAX(1 << 16);
    DEFER(plan_done) Plan plan = {0};
    Error error = {0};

    if (world_plan(world, &plan, &error) < 0)
        fail_msg("%s", error.text);
    plan_text(&plan, &text);
    assert_string_equal(text_get(&text), want);
}

static void plan_fails(const World *world, ErrorKind kind, const char *want)
{
    Plan plan = {.count = 77};
    Error error = {0};

    assert_int_equal(world_plan(world, &plan, &error), -1);
    assert_string_equal(error.text, want);
    assert_int_equal(error.kind, kind);
    assert_int_equal(plan.count, 77);
}

/* A tenant that declares AFTER, whose JetStream was made of BEFORE (NULL: is empty). */
static void change_is(const char *before, const char *after, const char *want)
{
    DEFER(world_done) World world;

    world_init(&world, after);
    if (before != NULL)
        world_observe(&world, before, WORLD_UID);
    plan_is(&world, want);
}

static void change_fails(const char *before, const char *after, const char *want)
{
    DEFER(world_done) World world;

    world_init(&world, after);
    world_observe(&world, before, WORLD_UID);
    plan_fails(&world, ERROR_INVALID, want);
}

TEST(a_new_tenant_gets_its_stream_and_then_its_consumers)
{
    change_is(NULL, "{" TWO_CONSUMERS "}",
              "create stream; create consumer billing; create consumer audit");
}

TEST(what_is_as_declared_is_left_alone)
{
    static const char *const specs[] = {
        "{}",
        "{" TWO_CONSUMERS "}",
        "{\"stream\":{\"maxAge\":\"720h\",\"maxBytes\":\"10Gi\",\"duplicateWindow\":\"2m\","
        "\"consumerLimits\":{\"maxAckPending\":5},\"metadata\":{\"team\":\"a\"}},"
        "\"limits\":{\"maxConsumers\":3,\"eventsPerSecond\":5},\"relay\":{\"weight\":3},"
        "\"consumers\":[{\"name\":\"b\",\"eventTypes\":[\"x\",\"y\"],\"backoff\":[\"1s\",\"5s\"],"
        "\"maxDeliver\":5}]}",
        "{\"mode\":\"Suspend\"," TWO_CONSUMERS "}",
        "{\"stream\":{\"eventTypes\":\"MultiToken\",\"retention\":\"WorkQueue\"}}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
        change_is(specs[i], specs[i], "");
}

TEST(a_changed_field_is_named_with_both_values)
{
    change_is("{\"stream\":{\"maxBytes\":\"1Gi\",\"maxAge\":\"1h\"}}",
              "{\"stream\":{\"maxBytes\":\"2Gi\",\"maxAge\":\"90m\"}}",
              "update stream: maxAge 1h -> 1h30m, maxBytes 1Gi -> 2Gi");
    change_is("{\"consumers\":[{\"name\":\"b\"}]}",
              "{\"consumers\":[{\"name\":\"b\",\"ackWait\":\"1m\"}]}",
              "update consumer b: ackWait 30s -> 1m");
}

TEST(a_removed_field_returns_to_its_default)
{
    change_is("{\"stream\":{\"maxBytes\":\"1Gi\",\"maxAge\":\"1h\",\"duplicateWindow\":\"1m\"}}",
              "{}",
              "update stream: maxAge 1h -> none, maxBytes 1Gi -> unlimited, duplicateWindow 1m -> "
              "2m");
    change_is("{\"consumers\":[{\"name\":\"b\",\"maxDeliver\":5}]}",
              "{\"consumers\":[{\"name\":\"b\"}]}", "update consumer b: maxDeliver 5 -> unlimited");
}

TEST(settings_of_the_relay_ride_on_the_streams_metadata)
{
    change_is("{}", "{\"relay\":{\"weight\":3}}",
              "update stream: metadata.bulkhead.dev/relay.weight none -> 3");
}

TEST(consumers_come_and_go_with_the_spec)
{
    change_is("{\"consumers\":[{\"name\":\"old\"},{\"name\":\"kept\"}]}",
              "{\"consumers\":[{\"name\":\"kept\"},{\"name\":\"new\"}]}",
              "delete consumer old: no longer in the spec; create consumer new");
}

TEST(a_consumer_made_by_hand_stays)
{
    DEFER(world_done) World world;

    world_init(&world, "{}");
    world_observe(&world, "{}", WORLD_UID);
    (void)cJSON_AddItemToArray(world.observed.consumers,
                               world_json("{\"name\":\"mine\",\"config\":{\"name\":\"mine\"}}"));
    plan_is(&world, "");
}

TEST(a_consumer_made_by_hand_is_taken_over_once_it_is_declared)
{
    DEFER(world_done) World world;

    world_init(&world, "{\"consumers\":[{\"name\":\"b\"}]}");
    world_observe(&world, "{\"consumers\":[{\"name\":\"b\"}]}", WORLD_UID);
    cJSON *info = cJSON_GetArrayItem(world.observed.consumers, 0);
    cJSON_DeleteItemFromObject(cJSON_GetObjectItem(info, "config"), "metadata");
    plan_is(&world, "update consumer b: metadata.bulkhead.dev/uid none -> " WORLD_UID
                    ", metadata.bulkhead.dev/cluster none -> " WORLD_CLUSTER);
}

TEST(a_suspended_tenants_consumers_are_paused_and_resumed_later)
{
    change_is("{" TWO_CONSUMERS "}", "{\"mode\":\"Suspend\"," TWO_CONSUMERS "}",
              "update stream: metadata.bulkhead.dev/relay.hold none -> true; "
              "pause or resume consumer billing: pauseUntil none -> 9999-12-31T23:59:59Z; "
              "pause or resume consumer audit: pauseUntil none -> 9999-12-31T23:59:59Z");
    change_is("{\"mode\":\"Suspend\",\"consumers\":[{\"name\":\"b\"}]}",
              "{\"consumers\":[{\"name\":\"b\",\"maxDeliver\":2}]}",
              "update stream: metadata.bulkhead.dev/relay.hold true -> none; "
              "update consumer b: maxDeliver unlimited -> 2; "
              "pause or resume consumer b: pauseUntil 9999-12-31T23:59:59Z -> none");
}

TEST(a_change_that_needs_a_new_stream_is_refused_with_the_way_out)
{
    change_fails("{}", "{\"stream\":{\"storage\":\"Memory\",\"maxAge\":\"1h\"}}",
                 "stream TENANT_ACME cannot be changed in place: storage File -> Memory; put the "
                 "old value back, or move the data to a new Tenant");
    change_fails("{\"stream\":{\"retention\":\"WorkQueue\"}}", "{}",
                 "stream TENANT_ACME cannot be changed in place: retention WorkQueue -> Limits; "
                 "put the old value back, or move the data to a new Tenant");
}

TEST(a_change_that_needs_a_new_consumer_is_refused_with_the_way_out)
{
    change_fails("{\"consumers\":[{\"name\":\"b\"}]}",
                 "{\"consumers\":[{\"name\":\"b\",\"deliverPolicy\":\"New\"}]}",
                 "consumer b cannot be changed in place: deliverPolicy All -> New; put the old "
                 "value back, or add a consumer of another name and remove this one");
}

TEST(a_tighter_limit_for_consumers_comes_after_them)
{
    change_is("{\"stream\":{\"consumerLimits\":{\"maxAckPending\":9}},"
              "\"consumers\":[{\"name\":\"b\",\"maxAckPending\":9}]}",
              "{\"stream\":{\"consumerLimits\":{\"maxAckPending\":5}},"
              "\"consumers\":[{\"name\":\"b\",\"maxAckPending\":5}]}",
              "update consumer b: maxAckPending 9 -> 5; "
              "update stream: consumerLimits.maxAckPending 9 -> 5");
    change_is("{\"consumers\":[{\"name\":\"b\",\"inactiveThreshold\":\"3h\"}]}",
              "{\"stream\":{\"consumerLimits\":{\"inactiveThreshold\":\"1h\"}},"
              "\"consumers\":[{\"name\":\"b\"}]}",
              "update consumer b: inactiveThreshold 3h -> 1h; "
              "update stream: consumerLimits.inactiveThreshold none -> 1h");
}

TEST(a_wider_limit_for_consumers_comes_before_them)
{
    change_is("{\"stream\":{\"consumerLimits\":{\"maxAckPending\":5}},"
              "\"consumers\":[{\"name\":\"b\",\"maxAckPending\":5}]}",
              "{\"stream\":{\"consumerLimits\":{\"maxAckPending\":9}},"
              "\"consumers\":[{\"name\":\"b\",\"maxAckPending\":9}]}",
              "update stream: consumerLimits.maxAckPending 5 -> 9; "
              "update consumer b: maxAckPending 5 -> 9");
}

TEST(a_change_that_the_server_is_too_old_for_is_refused_as_a_whole)
{
    DEFER(world_done) World world;

    world_init(&world, "{\"limits\":{\"maxConsumers\":6},\"consumers\":[{\"name\":\"new\"}]}");
    world_observe(&world, "{\"limits\":{\"maxConsumers\":5}}", WORLD_UID);
    plan_is(&world, "update stream: max_consumers 5 -> 6; create consumer new");
    world.api_level = 1;
    plan_fails(&world, ERROR_UNSUPPORTED,
               "spec.limits.maxConsumers: changing it from 5 to 6 (-1: no limit) needs NATS 2.12 "
               "(API level 2); the server has level 1");
}

/* Marks JetStream's stream with UID and CLUSTER, each left out where it is NULL. */
static void mark_as(World *world, const char *uid, const char *cluster)
{
    cJSON *config = cJSON_GetObjectItem(world->observed.stream, "config");
    cJSON *metadata = cJSON_GetObjectItem(config, "metadata");

    cJSON_DeleteItemFromObject(metadata, OWNER_KEY_UID);
    cJSON_DeleteItemFromObject(metadata, OWNER_KEY_CLUSTER);
    if (uid != NULL)
        json_set_text(metadata, OWNER_KEY_UID, uid);
    if (cluster != NULL)
        json_set_text(metadata, OWNER_KEY_CLUSTER, cluster);
}

#define OTHERS(uid)                                                                                \
    "stream TENANT_ACME belongs to another owner (bulkhead.dev/uid " uid                           \
    ") and is not touched; remove that owner's claim, or delete the stream yourself"

TEST(a_stream_of_another_owner_is_never_touched)
{
    static const struct {
        const char *uid;
        const char *cluster;
        const char *want;
    } cases[] = {
        {"uid-2", "cluster-2", OTHERS("uid-2")},
        {WORLD_UID, "cluster-2", OTHERS(WORLD_UID)},
        {WORLD_UID, NULL, OTHERS(WORLD_UID)},
        {NULL, WORLD_CLUSTER, OTHERS("unknown")},
    };
    static const char *const specs[] = {"{}", "{\"stream\":{\"adoption\":\"Adopt\"}}"};

    for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(specs); i++) {
        DEFER(world_done) World world;

        world_init(&world, specs[i % 2]);
        world_observe(&world, "{}", WORLD_UID);
        mark_as(&world, cases[i / 2].uid, cases[i / 2].cluster);
        plan_fails(&world, ERROR_OWNED, cases[i / 2].want);
    }
}

TEST(a_stream_without_a_mark_is_taken_over_only_when_told_so)
{
    DEFER(world_done) World world;

    world_init(&world, "{}");
    world_observe(&world, "{}", WORLD_UID);
    mark_as(&world, NULL, NULL);
    plan_fails(&world, ERROR_UNOWNED,
               "stream TENANT_ACME exists and carries no owner's mark; set spec.stream.adoption to "
               "Adopt to take it over, or delete it");
    world_declare(&world, "{\"stream\":{\"adoption\":\"Adopt\"}}");
    plan_is(&world, "update stream: metadata.bulkhead.dev/uid none -> " WORLD_UID
                    ", metadata.bulkhead.dev/cluster none -> " WORLD_CLUSTER);
}

TEST(a_stream_of_an_earlier_tenant_is_taken_over_only_when_told_so)
{
    DEFER(world_done) World world;

    world_init(&world, "{}");
    world_observe(&world, "{\"consumers\":[{\"name\":\"old\"}]}", "uid-0");
    plan_fails(&world, ERROR_UNOWNED,
               "stream TENANT_ACME was left behind by an earlier Tenant of this name; set "
               "spec.stream.adoption to Adopt to go on with its data, or delete it");
    world_declare(&world, "{\"stream\":{\"adoption\":\"Adopt\"}}");
    plan_is(&world, "update stream: metadata.bulkhead.dev/uid uid-0 -> " WORLD_UID);
}

TEST(what_would_cross_tenants_is_taken_away_again)
{
    DEFER(world_done) World world;

    world_init(&world, "{}");
    world_observe(&world, "{}", WORLD_UID);
    cJSON *config = cJSON_GetObjectItem(world.observed.stream, "config");
    json_set(config, "republish", world_json("{\"src\":\">\",\"dest\":\"spy.>\"}"));
    json_set(config, "subjects", world_json("[\"tenant.acme.events.*\",\"tenant.other.>\"]"));
    plan_is(&world, "update stream: subjects [tenant.acme.events.* tenant.other.>] -> "
                    "[tenant.acme.events.*], republish {\"src\":\">\",\"dest\":\"spy.>\"} -> none");
}

TEST(steps_borrow_what_is_desired)
{
    DEFER(world_done) World world;
    DEFER(plan_done) Plan plan = {0};
    Error error;

    world_init(&world, "{\"consumers\":[{\"name\":\"b\"}]}");
    assert_int_equal(world_plan(&world, &plan, &error), 0);
    assert_ptr_equal(plan.steps[0].config, world.desired.stream);
    assert_ptr_equal(plan.steps[1].config, world.desired.consumers[0].config);
}

static void delete_is(const char *spec, const char *uid, const char *cluster, const char *want)
{
    DEFER(text_done) Text text = TEXT_MAX(256);
    DEFER(world_done) World world;
    DEFER(plan_done) Plan plan = {0};

    world_init(&world, spec);
    if (uid != NULL) {
        world_observe(&world, "{" TWO_CONSUMERS "}", WORLD_UID);
        mark_as(&world, *uid != '\0' ? uid : NULL, cluster);
    }
    tenant_plan_delete(&(PlanInput){.tenant = &world.tenant,
                                    .observed = &world.observed,
                                    .cluster = WORLD_CLUSTER},
                       &plan);
    plan_text(&plan, &text);
    assert_string_equal(text_get(&text), want);
}

TEST(a_deletion_takes_only_our_own_stream_and_only_by_policy)
{
    static const char *const policy = "{\"deletionPolicy\":\"Delete\"}";

    delete_is(policy, WORLD_UID, WORLD_CLUSTER, "delete stream: the Tenant is deleted");
    delete_is("{}", WORLD_UID, WORLD_CLUSTER, "");
    delete_is("{\"deletionPolicy\":\"Retain\"}", WORLD_UID, WORLD_CLUSTER, "");
    delete_is(policy, NULL, NULL, "");
    delete_is(policy, "", NULL, "");
    delete_is(policy, "uid-0", WORLD_CLUSTER, "");
    delete_is(policy, WORLD_UID, "cluster-2", "");
    delete_is(policy, WORLD_UID, NULL, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_tenant_gets_its_stream_and_then_its_consumers),
        cmocka_unit_test(what_is_as_declared_is_left_alone),
        cmocka_unit_test(a_changed_field_is_named_with_both_values),
        cmocka_unit_test(a_removed_field_returns_to_its_default),
        cmocka_unit_test(settings_of_the_relay_ride_on_the_streams_metadata),
        cmocka_unit_test(consumers_come_and_go_with_the_spec),
        cmocka_unit_test(a_consumer_made_by_hand_stays),
        cmocka_unit_test(a_consumer_made_by_hand_is_taken_over_once_it_is_declared),
        cmocka_unit_test(a_suspended_tenants_consumers_are_paused_and_resumed_later),
        cmocka_unit_test(a_change_that_needs_a_new_stream_is_refused_with_the_way_out),
        cmocka_unit_test(a_change_that_needs_a_new_consumer_is_refused_with_the_way_out),
        cmocka_unit_test(a_tighter_limit_for_consumers_comes_after_them),
        cmocka_unit_test(a_wider_limit_for_consumers_comes_before_them),
        cmocka_unit_test(a_change_that_the_server_is_too_old_for_is_refused_as_a_whole),
        cmocka_unit_test(a_stream_of_another_owner_is_never_touched),
        cmocka_unit_test(a_stream_without_a_mark_is_taken_over_only_when_told_so),
        cmocka_unit_test(a_stream_of_an_earlier_tenant_is_taken_over_only_when_told_so),
        cmocka_unit_test(what_would_cross_tenants_is_taken_away_again),
        cmocka_unit_test(steps_borrow_what_is_desired),
        cmocka_unit_test(a_deletion_takes_only_our_own_stream_and_only_by_policy),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "ownership.h"
#include "tenant_plan.h"
#include "tenant_world.h"
#include "walk.h"

#define TWO_CONSUMERS "\"consumers\":[{\"name\":\"billing\"},{\"name\":\"audit\"}]"

static int plan_of(const World *world, Plan *ret_plan, Error *reterr)
{
    const PlanInput input = {.tenant = &world->tenant,
                             .desired = &world->desired,
                             .observed = &world->observed,
                             .cluster = WORLD_CLUSTER};

    return tenant_plan(&input, ret_plan, reterr);
}

static void plan_is(const World *world, const char *want)
{
    DEFER(text_done) Text text = TEXT_MAX(1 << 16);
    DEFER(plan_done) Plan plan = {0};
    Error error = {0};

    if (plan_of(world, &plan, &error) < 0)
        fail_msg("%s", error.text);
    plan_text(&plan, &text);
    assert_string_equal(text_get(&text), want);
}

static void plan_fails(const World *world, ErrorKind kind, const char *want)
{
    Plan plan = {.count = 77};
    Error error = {0};

    assert_int_equal(plan_of(world, &plan, &error), -1);
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
    assert_int_equal(plan_of(&world, &plan, &error), 0);
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

/* The walk: any spec after any other, applied step by step as a server would. */

enum { SEEDS = 300, SPEC_MAX = 2048 };

static const char *const stream_parts[] = {
    "\"maxAge\":\"1h\"",
    "\"maxAge\":\"8760h\"",
    "\"maxBytes\":\"1Gi\"",
    "\"maxMsgs\":1000",
    "\"discard\":\"New\"",
    "\"description\":\"d\"",
    "\"compression\":\"S2\"",
    "\"allowDirect\":true",
    "\"metadata\":{\"team\":\"a\"}",
    "\"duplicateWindow\":\"30s\"",
    "\"storage\":\"Memory\"",
    "\"denyDelete\":true",
    "\"consumerLimits\":{\"maxAckPending\":500}",
    "\"consumerLimits\":{\"maxAckPending\":50}",
};

static const char *const consumer_parts[] = {
    "\"ackWait\":\"1m\"",           "\"maxDeliver\":3",
    "\"backoff\":[\"1s\",\"2s\"]",  "\"eventTypes\":[\"a\"]",
    "\"eventTypes\":[\"b\",\"c\"]", "\"headersOnly\":true",
    "\"maxAckPending\":10",         "\"description\":\"x\"",
    "\"deliverPolicy\":\"New\"",    "\"inactiveThreshold\":\"10m\"",
};

/* Two or fewer of PARTS. */
static void parts_add(Walk *walk, Text *spec, const char *const *parts, size_t count)
{
    size_t first = walk_roll(walk, (uint32_t)count + 1);
    size_t second = first + 1 + walk_roll(walk, 3);

    if (first < count)
        text_addf(spec, "%s%s", spec->at[spec->length - 1] == '{' ? "" : ",", parts[first]);
    /* the same key twice would be another spec than is meant */
    if (second < count && strncmp(parts[first], parts[second], 12) != 0)
        text_addf(spec, ",%s", parts[second]);
}

static void spec_write(Walk *walk, Text *spec)
{
    static const char *const modes[] = {"Enforce", "Suspend"};
    const char *comma = "";

    text_clear(spec);
    text_addf(spec, "{\"mode\":\"%s\",\"stream\":{", modes[walk_roll(walk, 4) == 0]);
    parts_add(walk, spec, stream_parts, ARRAY_SIZE(stream_parts));
    text_add(spec, "},\"consumers\":[");
    for (const char *name = "abc"; *name != '\0'; name++) {
        if (walk_roll(walk, 2) == 0)
            continue;
        text_addf(spec, "%s{\"name\":\"%c\"", comma, *name);
        parts_add(walk, spec, consumer_parts, ARRAY_SIZE(consumer_parts));
        text_add(spec, "}");
        comma = ",";
    }
    text_add(spec, "]}");
    assert_false(spec->full);
}

/* The server takes CONFIG, but a pause only by the request of its own. */
static void consumer_apply(World *world, const Step *step)
{
    cJSON *consumers = world->observed.consumers;
    const char *until = json_text(step->config, "pause_until", NULL);
    cJSON *info = NULL;
    int at = 0;

    cJSON_ArrayForEach (info, consumers) {
        if (text_eq(json_text(info, "name", ""), step->consumer))
            break;
        at++;
    }
    if (step->type == STEP_CONSUMER_PAUSE) {
        cJSON *config = cJSON_GetObjectItem(info, "config");

        cJSON_DeleteItemFromObject(config, "pause_until");
        if (until != NULL)
            json_set_text(config, "pause_until", until);
        return;
    }
    const char *paused = json_text(info, "config.pause_until", NULL);
    cJSON *config = step->config != NULL ? cJSON_Duplicate(step->config, true) : NULL;

    if (step->type == STEP_CONSUMER_UPDATE)
        cJSON_DeleteItemFromObject(config, "pause_until");
    if (step->type == STEP_CONSUMER_UPDATE && paused != NULL)
        json_set_text(config, "pause_until", paused);
    cJSON_DeleteItemFromArray(consumers, at);
    if (config == NULL)
        return;
    cJSON *fresh = cJSON_CreateObject();
    json_set_text(fresh, "name", step->consumer);
    json_set(fresh, "config", config);
    (void)cJSON_AddItemToArray(consumers, fresh);
}

/* What the server would refuse: a consumer above its stream's limit. */
static bool limits_hold(const World *world)
{
    int64_t limit = json_int(world->observed.stream, "config.consumer_limits.max_ack_pending", 0);
    const cJSON *info = NULL;

    cJSON_ArrayForEach (info, world->observed.consumers) {
        if (limit > 0 && json_int(info, "config.max_ack_pending", 0) > limit)
            return false;
    }
    return true;
}

static void step_apply(World *world, const Step *step)
{
    if (step->consumer[0] != '\0') {
        consumer_apply(world, step);
        return;
    }
    if (world->observed.stream == NULL) {
        world->observed.stream = cJSON_CreateObject();
        world->observed.consumers = cJSON_CreateArray();
    }
    json_set(world->observed.stream, "config", cJSON_Duplicate(step->config, true));
}

/* Stops after a random number of steps, as a crash would. */
static void walk_pass(Walk *walk, World *world, bool crash)
{
    DEFER(plan_done) Plan plan = {0};
    Error error;

    if (plan_of(world, &plan, &error) < 0) {
        WALK_HOLDS(walk, error.kind == ERROR_INVALID);
        return;
    }
    size_t last = crash ? walk_roll(walk, (uint32_t)plan.count + 1) : plan.count;
    for (size_t i = 0; i < last; i++) {
        step_apply(world, &plan.steps[i]);
        WALK_HOLDS(walk, limits_hold(world));
    }
}

/* Nothing is left to do, or only a person can. */
static void walk_check(Walk *walk, const World *world)
{
    DEFER(plan_done) Plan plan = {0};
    Error error;

    if (plan_of(world, &plan, &error) == 0)
        WALK_HOLDS(walk, plan.count == 0);
    else
        WALK_HOLDS(walk, strstr(error.text, "cannot be changed in place") != NULL);
}

TEST(one_whole_pass_is_enough_whatever_was_there_and_wherever_one_before_was_cut_off)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        DEFER(text_done) Text spec = TEXT_MAX(SPEC_MAX);
        DEFER(world_done) World world;
        Walk walk = walk_start(seed);

        world_init(&world, "{}");
        for (walk.step = 0; walk.step < 6; walk.step++) {
            spec_write(&walk, &spec);
            world_declare(&world, text_get(&spec));
            walk_pass(&walk, &world, true);
            walk_pass(&walk, &world, false);
            walk_check(&walk, &world);
        }
    }
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
        cmocka_unit_test(a_stream_of_another_owner_is_never_touched),
        cmocka_unit_test(a_stream_without_a_mark_is_taken_over_only_when_told_so),
        cmocka_unit_test(a_stream_of_an_earlier_tenant_is_taken_over_only_when_told_so),
        cmocka_unit_test(what_would_cross_tenants_is_taken_away_again),
        cmocka_unit_test(steps_borrow_what_is_desired),
        cmocka_unit_test(a_deletion_takes_only_our_own_stream_and_only_by_policy),
        cmocka_unit_test(
            one_whole_pass_is_enough_whatever_was_there_and_wherever_one_before_was_cut_off),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "conditions_check.h"
#include "status.h"
#include "tenant_world.h"
#include "text.h"

#define NOW    "2026-02-02T02:02:02Z"
#define BEFORE "2026-01-01T00:00:00Z"
#define BORN   "2026-01-01T10:00:00.123456789Z"
#define REBORN "2026-01-02T10:00:00.123456789Z"
#define SPEC   "{\"consumers\":[{\"name\":\"billing\"},{\"name\":\"audit\"}]}"

static cJSON *status_of(const World *world, Outcome outcome, const char *message)
{
    return status_build(&(StatusInput){
        .tenant = &world->tenant,
        .observed = &world->observed,
        .outcome = outcome,
        .reason = "Denied",
        .message = message,
        .now = NOW,
    });
}

/* The same value, whatever the order of its members. */
static void json_is(const cJSON *json, const char *want)
{
    DEFER(defer_json) cJSON *wanted = world_json(want);
    DEFER(defer_free) char *text = json_print(json);

    if (!json_equal(json, wanted))
        assert_string_equal(text, want);
}

static void member_is(const cJSON *status, const char *path, const char *want)
{
    const cJSON *item = json_at(status, path);

    if (want == NULL) {
        assert_null(item);
        return;
    }
    assert_non_null(item);
    json_is(item, want);
}

/* JetStream reports TEXT for the stream, and CONSUMERS, both as JSON. */
static void observe(World *world, const char *stream, const char *consumers)
{
    observed_done(&world->observed);
    world->observed.stream = stream != NULL ? world_json(stream) : NULL;
    world->observed.consumers = consumers != NULL ? world_json(consumers) : NULL;
}

#define STREAM(created, messages, bytes)                                                           \
    "{\"created\":\"" created "\",\"state\":{\"messages\":" messages ",\"bytes\":" bytes           \
    ",\"first_seq\":7,\"last_seq\":1234567,\"last_ts\":\"2026-01-03T00:00:00Z\"}}"
#define CONSUMER(name, pending, unacknowledged)                                                    \
    "{\"name\":\"" name "\",\"num_pending\":" pending ",\"num_ack_pending\":" unacknowledged       \
    ",\"num_redelivered\":5}"

TEST(a_ready_tenant_shows_its_stream_its_consumers_and_its_conditions)
{
    DEFER(world_done) World world;

    world_init(&world, "{\"consumers\":[{\"name\":\"billing\"}]}");
    observe(&world, STREAM(BORN, "12", "3456"), "[" CONSUMER("billing", "3", "1") "]");
    DEFER(defer_json) cJSON *status = status_of(&world, OUTCOME_READY, "as declared");
    json_is(status,
            "{\"observedGeneration\":3,\"consumers\":[{\"name\":\"billing\",\"pending\":3,"
            "\"ackPending\":1,\"redelivered\":5,\"lag\":4}],\"lag\":4,\"stream\":{\"created\":"
            "\"" BORN "\",\"messages\":12,\"bytes\":3450,\"firstSequence\":7,\"lastSequence\":"
            "1234567,\"lastEventTime\":\"2026-01-03T00:00:00Z\",\"name\":\"TENANT_ACME\"},"
            "\"conditions\":[{\"type\":\"Ready\",\"lastTransitionTime\":\"" NOW "\",\"status\":"
            "\"True\",\"observedGeneration\":3,\"reason\":\"Reconciled\",\"message\":"
            "\"as declared\"},{\"type\":\"InSync\",\"lastTransitionTime\":\"" NOW
            "\",\"status\":\"True\",\"observedGeneration\":3,\"reason\":\"Reconciled\","
            "\"message\":\"as declared\"}]}");
}

TEST(every_outcome_obeys_the_rules_of_other_peoples_tools)
{
    static const char *const statuses[] = {
        "{\"observedGeneration\":-1}",
        "{\"observedGeneration\":3,\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\","
        "\"reason\":\"X\",\"message\":\"\",\"lastTransitionTime\":\"" BEFORE "\"},{\"type\":"
        "\"Stalled\",\"status\":\"True\",\"reason\":\"X\",\"message\":\"\","
        "\"lastTransitionTime\":\"" BEFORE "\"},{\"type\":\"Delivering\",\"status\":\"True\","
        "\"reason\":\"X\",\"message\":\"\",\"lastTransitionTime\":\"" BEFORE "\","
        "\"observedGeneration\":2}]}",
    };

    for (int outcome = OUTCOME_PROGRESSING; outcome <= OUTCOME_DELETING; outcome++) {
        for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
            DEFER(text_done) Text findings = TEXT_MAX(4096);
            DEFER(world_done) World world;

            world_init(&world, outcome == OUTCOME_SUSPENDED ? "{\"mode\":\"Suspend\"}" : "{}");
            world_set(&world, "status", statuses[i]);
            if (outcome == OUTCOME_DELETING)
                world_set(&world, "deletionTimestamp", "\"" BEFORE "\"");
            json_set(world.object, "status", status_of(&world, (Outcome)outcome, "why"));
            (void)conditions_check(world.object, &findings);
            assert_string_equal(text_get(&findings), "");
        }
    }
}

TEST(consumers_stand_in_the_order_of_the_spec_and_others_are_left_out)
{
    DEFER(world_done) World world;

    world_init(&world, "{\"consumers\":[{\"name\":\"c\"},{\"name\":\"a\"},{\"name\":\"new\"}]}");
    observe(&world, STREAM(BORN, "0", "0"),
            "[" CONSUMER("a", "1", "0") "," CONSUMER("by-hand", "9000", "0") "," CONSUMER("c", "2",
                                                                                          "5") "]");
    DEFER(defer_json) cJSON *status = status_of(&world, OUTCOME_READY, "");
    member_is(status, "consumers",
              "[{\"name\":\"c\",\"pending\":2,\"ackPending\":5,\"redelivered\":5,\"lag\":7},"
              "{\"name\":\"a\",\"pending\":1,\"ackPending\":0,\"redelivered\":5,\"lag\":1}]");
    member_is(status, "lag", "7");
}

TEST(a_paused_consumer_says_so)
{
    DEFER(world_done) World world;

    world_init(&world, "{\"consumers\":[{\"name\":\"a\"}]}");
    observe(&world, STREAM(BORN, "0", "0"), "[{\"name\":\"a\",\"paused\":true}]");
    DEFER(defer_json) cJSON *status = status_of(&world, OUTCOME_SUSPENDED, "");
    member_is(status, "consumers",
              "[{\"name\":\"a\",\"pending\":0,\"ackPending\":0,\"redelivered\":0,\"lag\":0,"
              "\"paused\":true}]");
}

TEST(an_empty_stream_has_no_last_event)
{
    DEFER(world_done) World world;

    world_init(&world, "{}");
    observe(&world, STREAM(BORN, "0", "0"), "[]");
    DEFER(defer_json) cJSON *status = status_of(&world, OUTCOME_READY, "");
    member_is(status, "stream.lastEventTime", NULL);
}

TEST(what_could_not_be_read_keeps_its_old_numbers)
{
    DEFER(world_done) World world;

    world_init(&world, "{}");
    world_set(&world, "status",
              "{\"lag\":4,\"stream\":{\"created\":\"" BORN "\",\"messages\":12},\"consumers\":[],"
              "\"unknown\":1}");
    DEFER(defer_json)
    cJSON *status = status_build(&(StatusInput){.tenant = &world.tenant,
                                                .outcome = OUTCOME_RETRYING,
                                                .reason = "Unavailable",
                                                .message = "NATS is away",
                                                .now = NOW});
    member_is(status, "lag", "4");
    member_is(status, "stream", "{\"created\":\"" BORN "\",\"messages\":12}");
    member_is(status, "consumers", "[]");
    member_is(status, "unknown", NULL);
}

TEST(a_transition_has_the_time_of_the_change_alone)
{
    DEFER(world_done) World world;

    world_init(&world, "{}");
    world_set(&world, "status",
              "{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"Old\","
              "\"message\":\"old\",\"lastTransitionTime\":\"" BEFORE "\"},{\"type\":\"InSync\","
              "\"status\":\"False\",\"lastTransitionTime\":\"" BEFORE "\"}]}");
    DEFER(defer_json) cJSON *status = status_of(&world, OUTCOME_READY, "new");
    const cJSON *conditions = json_at(status, "conditions");
    member_is(condition_find(conditions, "Ready"), "lastTransitionTime", "\"" BEFORE "\"");
    member_is(condition_find(conditions, "Ready"), "message", "\"new\"");
    member_is(condition_find(conditions, "InSync"), "lastTransitionTime", "\"" NOW "\"");
}

TEST(the_last_request_for_a_look_comes_back)
{
    static const struct {
        const char *annotations;
        const char *want;
    } cases[] = {
        {"{}", NULL},
        {"{\"bulkhead.dev/reconcile-at\":\"1\"}", "\"1\""},
        {"{\"reconcile.fluxcd.io/requestedAt\":\"2\"}", "\"2\""},
        {"{\"bulkhead.dev/reconcile-at\":\"1\",\"reconcile.fluxcd.io/requestedAt\":\"2\"}",
         "\"2\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(world_done) World world;

        world_init(&world, "{}");
        world_set(&world, "annotations", cases[i].annotations);
        DEFER(defer_json) cJSON *status = status_of(&world, OUTCOME_READY, "");
        member_is(status, "lastHandledReconcileAt", cases[i].want);
    }
}

TEST(a_request_longer_than_the_crd_allows_does_not_come_back)
{
    DEFER(world_done) World world;
    char annotations[512];

    world_init(&world, "{}");
    (void)snprintf(annotations, sizeof annotations, "{\"bulkhead.dev/reconcile-at\":\"%0257d\"}",
                   1);
    world_set(&world, "annotations", annotations);
    DEFER(defer_json) cJSON *status = status_of(&world, OUTCOME_READY, "");
    member_is(status, "lastHandledReconcileAt", NULL);
}

/* Data loss: a story of passes, each of which leaves its status to the next. */

static const char *loss_of(const World *world)
{
    return json_text(
        condition_find(json_at(world->object, "status.conditions"), "DataLossSuspected"), "message",
        "");
}

static void pass(World *world, const char *stream)
{
    observe(world, stream, stream != NULL ? "[]" : NULL);
    cJSON *status = status_of(world, stream != NULL ? OUTCOME_READY : OUTCOME_RETRYING, "");
    DEFER(defer_free) char *text = json_print(status);

    cJSON_Delete(status);
    world_set(world, "status", text);
}

#define LOSS                                                                                       \
    "the stream made " BORN " is gone, and the one in its place was made " REBORN                  \
    "; replay what was lost, then annotate the Tenant with bulkhead.dev/data-loss-seen=" REBORN

TEST(the_first_stream_is_no_loss)
{
    DEFER(world_done) World world;

    world_init(&world, "{}");
    pass(&world, NULL);
    pass(&world, STREAM(BORN, "0", "0"));
    pass(&world, STREAM(BORN, "5", "50"));
    assert_string_equal(loss_of(&world), "");
}

TEST(a_younger_stream_is_a_loss_until_somebody_has_seen_it)
{
    DEFER(world_done) World world;

    world_init(&world, "{}");
    pass(&world, STREAM(BORN, "5", "50"));
    pass(&world, STREAM(REBORN, "0", "0"));
    assert_string_equal(loss_of(&world), LOSS);
    pass(&world, STREAM(REBORN, "1", "10"));
    assert_string_equal(loss_of(&world), LOSS);
    world_set(&world, "annotations", "{\"bulkhead.dev/data-loss-seen\":\"" BORN "\"}");
    pass(&world, STREAM(REBORN, "1", "10"));
    assert_string_equal(loss_of(&world), LOSS);
    world_set(&world, "annotations", "{\"bulkhead.dev/data-loss-seen\":\"" REBORN "\"}");
    pass(&world, STREAM(REBORN, "1", "10"));
    assert_string_equal(loss_of(&world), "");
}

TEST(a_loss_is_told_even_if_the_new_stream_took_several_passes)
{
    DEFER(world_done) World world;

    world_init(&world, "{}");
    pass(&world, STREAM(BORN, "5", "50"));
    pass(&world, NULL);
    member_is(world.object, "status.stream", "{\"created\":\"" BORN "\",\"name\":\"TENANT_ACME\"}");
    pass(&world, NULL);
    pass(&world, STREAM(REBORN, "0", "0"));
    assert_string_equal(loss_of(&world), LOSS);
}

TEST(only_what_matters_is_news)
{
#define S(stream, consumers, lag, rest)                                                            \
    "{\"observedGeneration\":1,\"lag\":" lag ",\"stream\":{\"created\":\"" BORN "\"," stream       \
    "},\"consumers\":[" consumers "]" rest "}"
#define BASE                                                                                       \
    S("\"messages\":5,\"bytes\":50,\"lastSequence\":5", "{\"name\":\"a\",\"lag\":1}", "1", "")
    static const struct {
        const char *status;
        StatusChange want;
    } cases[] = {
        {BASE, STATUS_SAME},
        {S("\"messages\":5,\"bytes\":50,\"lastSequence\":9,\"lastEventTime\":\"x\"",
           "{\"name\":\"a\",\"lag\":1}", "1", ""),
         STATUS_SAME},
        {S("\"messages\":5,\"bytes\":50", "{\"name\":\"a\",\"lag\":1}", "1",
           ",\"outbox\":{\"reportedAt\":\"x\"}"),
         STATUS_SAME},
        {S("\"messages\":5,\"bytes\":50", "{\"name\":\"a\",\"lag\":1}", "1",
           ",\"outbox\":{\"pending\":1}"),
         STATUS_COUNTERS},
        {S("\"messages\":6,\"bytes\":50", "{\"name\":\"a\",\"lag\":1}", "1", ""), STATUS_COUNTERS},
        {S("\"messages\":5,\"bytes\":60", "{\"name\":\"a\",\"lag\":1}", "1", ""), STATUS_COUNTERS},
        {S("\"messages\":5,\"bytes\":50", "{\"name\":\"a\",\"lag\":2}", "1", ""), STATUS_COUNTERS},
        {S("\"messages\":5,\"bytes\":50", "{\"name\":\"a\",\"lag\":1}", "2", ""), STATUS_COUNTERS},
        {S("\"messages\":5,\"bytes\":50", "{\"name\":\"b\",\"lag\":1}", "1", ""), STATUS_NEWS},
        {S("\"messages\":5,\"bytes\":50", "", "1", ""), STATUS_NEWS},
        {S("\"messages\":5,\"bytes\":50", "{\"name\":\"a\",\"lag\":1,\"paused\":true}", "1", ""),
         STATUS_NEWS},
        {S("\"messages\":5,\"bytes\":50,\"name\":\"T\"", "{\"name\":\"a\",\"lag\":1}", "1", ""),
         STATUS_NEWS},
        {S("\"messages\":5,\"bytes\":50", "{\"name\":\"a\",\"lag\":1}", "1",
           ",\"conditions\":[{\"type\":\"Ready\"}]"),
         STATUS_NEWS},
        {"{\"observedGeneration\":2}", STATUS_NEWS},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *old = world_json(BASE);
        DEFER(defer_json) cJSON *new = world_json(cases[i].status);

        assert_int_equal(status_compare(old, new), cases[i].want);
        assert_int_equal(status_compare(new, old), cases[i].want);
        assert_int_equal(status_compare(NULL, new), STATUS_NEWS);
    }
#undef BASE
#undef S
}

TEST(a_status_that_was_read_back_is_the_same)
{
    DEFER(world_done) World world;

    world_init(&world, SPEC);
    observe(&world, STREAM(BORN, "123456789", "9007199254740993"),
            "[" CONSUMER("audit", "5000000000", "1") "," CONSUMER("billing", "0", "0") "]");
    DEFER(defer_json) cJSON *status = status_of(&world, OUTCOME_READY, "fine");
    DEFER(defer_free) char *text = json_print(status);
    DEFER(defer_json) cJSON *back = world_json(text);
    assert_int_equal(status_compare(back, status), STATUS_SAME);
}

/* The status after a pass that saw TEXT and CONSUMERS, as it stands in the API. */
static void stand(World *world, const char *stream, const char *consumers)
{
    observe(world, stream, consumers);
    DEFER(defer_json) cJSON *status = status_of(world, OUTCOME_READY, "fine");
    DEFER(defer_free) char *text = json_print(status);
    world_set(world, "status", text);
}

TEST(a_recount_changes_numbers_and_nothing_else)
{
    DEFER(world_done) World world;

    world_init(&world, SPEC);
    stand(&world, STREAM(BORN, "5", "50"),
          "[" CONSUMER("billing", "3", "1") "," CONSUMER("audit", "9", "0") "]");
    observe(&world, STREAM(BORN, "7", "70"), "[" CONSUMER("billing", "1", "1") "]");
    assert_true(status_can_recount(&world.tenant, &world.observed));
    DEFER(defer_json)
    cJSON *status = status_recount(
        &(StatusInput){.tenant = &world.tenant, .observed = &world.observed, .now = NOW});
    member_is(status, "stream.messages", "7");
    member_is(status, "lag", "9"); /* a consumer that was not counted keeps its numbers */
    assert_int_equal(status_compare(world.tenant.status, status), STATUS_COUNTERS);
    member_is(status, "consumers",
              "[{\"name\":\"billing\",\"pending\":1,\"ackPending\":1,\"redelivered\":5,\"lag\":2},"
              "{\"name\":\"audit\",\"pending\":9,\"ackPending\":0,\"redelivered\":5,\"lag\":9}]");
}

TEST(a_recount_is_for_a_status_of_this_generation_and_this_stream)
{
    DEFER(world_done) World world;

    world_init(&world, SPEC);
    assert_false(status_can_recount(&world.tenant, NULL));
    stand(&world, STREAM(BORN, "5", "50"), "[]");
    assert_true(status_can_recount(&world.tenant, NULL));
    observe(&world, STREAM(REBORN, "5", "50"), "[]");
    assert_false(status_can_recount(&world.tenant, &world.observed));
    world_set(&world, "generation", "4");
    assert_false(status_can_recount(&world.tenant, NULL));
    world_set(&world, "generation", "3");
    world_set(&world, "deletionTimestamp", "\"" BEFORE "\"");
    assert_false(status_can_recount(&world.tenant, NULL));
}

TEST(a_consumer_with_something_left_to_do_moves)
{
    DEFER(defer_json) cJSON *still = world_json("{\"lag\":0}");
    DEFER(defer_json) cJSON *moving = world_json("{\"lag\":1}");

    assert_false(status_is_moving(still));
    assert_true(status_is_moving(moving));
    assert_false(status_is_moving(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ready_tenant_shows_its_stream_its_consumers_and_its_conditions),
        cmocka_unit_test(every_outcome_obeys_the_rules_of_other_peoples_tools),
        cmocka_unit_test(consumers_stand_in_the_order_of_the_spec_and_others_are_left_out),
        cmocka_unit_test(a_paused_consumer_says_so),
        cmocka_unit_test(an_empty_stream_has_no_last_event),
        cmocka_unit_test(what_could_not_be_read_keeps_its_old_numbers),
        cmocka_unit_test(a_transition_has_the_time_of_the_change_alone),
        cmocka_unit_test(the_last_request_for_a_look_comes_back),
        cmocka_unit_test(a_request_longer_than_the_crd_allows_does_not_come_back),
        cmocka_unit_test(the_first_stream_is_no_loss),
        cmocka_unit_test(a_younger_stream_is_a_loss_until_somebody_has_seen_it),
        cmocka_unit_test(a_loss_is_told_even_if_the_new_stream_took_several_passes),
        cmocka_unit_test(only_what_matters_is_news),
        cmocka_unit_test(a_status_that_was_read_back_is_the_same),
        cmocka_unit_test(a_recount_changes_numbers_and_nothing_else),
        cmocka_unit_test(a_recount_is_for_a_status_of_this_generation_and_this_stream),
        cmocka_unit_test(a_consumer_with_something_left_to_do_moves),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "surroundings.h"
#include "tenant_world.h"

#define NOW "2026-02-02T02:02:02Z"
#define AT  "2026-02-02T02:02:00Z"

static const ConditionStamp stamp = {.generation = 3, .now = NOW};

/* What SURROUNDINGS make of a Tenant with SPEC whose status has LAG. */
typedef struct Reported {
    World world;
    cJSON *status;
    cJSON *conditions;
} Reported;

static void reported_done(Reported *self)
{
    world_done(&self->world);
    cJSON_Delete(self->status);
    cJSON_Delete(self->conditions);
}

static Reported report(const char *spec, int64_t lag, const Surroundings *surroundings)
{
    Reported self = {.status = cJSON_CreateObject(), .conditions = cJSON_CreateArray()};

    world_init(&self.world, spec);
    json_set_int(self.status, "lag", lag);
    surroundings_report(surroundings, &self.world.tenant, self.status, self.conditions, &stamp);
    return self;
}

/* "True NoOverlap: " ; "" without the condition. */
static void condition_is(const cJSON *conditions, const char *type, const char *want)
{
    const cJSON *condition = condition_find(conditions, type);
    char text[512] = "";

    if (condition != NULL)
        (void)snprintf(text, sizeof text, "%s %s: %s", json_text(condition, "status", ""),
                       json_text(condition, "reason", ""), json_text(condition, "message", ""));
    assert_string_equal(text, want);
}

static Surroundings rows(int64_t pending, int64_t oldest, int64_t dead)
{
    return (Surroundings){
        .outbox_known = OUTBOX_REPORTED,
        .outbox = {.pending = pending, .oldest_seconds = oldest, .dead = dead, .at = AT},
    };
}

TEST(isolated_is_said_once_all_streams_were_looked_at)
{
    static const struct {
        Surroundings found;
        const char *want;
    } cases[] = {
        {{0}, ""},
        {{.swept = true}, "True NoOverlap: "},
        {{.swept = true, .intruders = "stream X takes >"}, "False Overlap: stream X takes >"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(reported_done) Reported self = report("{}", 0, &cases[i].found);

        condition_is(self.conditions, "Isolated", cases[i].want);
    }
}

TEST(the_rows_of_the_outbox_are_rounded)
{
    static const struct {
        int64_t seconds;
        const char *want;
    } cases[] = {{0, "0"}, {9, "9"}, {99, "99"}, {101, "100"}, {119, "110"}, {12345, "12000"}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Surroundings found = rows(12345, cases[i].seconds, 0);
        DEFER(reported_done) Reported self = report("{}", 0, &found);
        DEFER(defer_json) cJSON *seconds = world_json(cases[i].want);

        assert_int_equal(json_int(self.status, "outbox.pending", 0), 12300);
        assert_string_equal(json_text(self.status, "outbox.reportedAt", ""), AT);
        assert_true(json_equal(json_at(self.status, "outbox.oldestPendingSeconds"), seconds));
    }
}

TEST(what_is_not_known_leaves_the_old_rows_and_what_nobody_reports_takes_them_away)
{
    static const struct {
        OutboxKnown known;
        int64_t want;
    } cases[] = {{OUTBOX_UNKNOWN, 7}, {OUTBOX_UNREPORTED, -1}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(reported_done) Reported self = report("{}", 0, &(Surroundings){0});

        world_set(&self.world, "status", "{\"outbox\":{\"pending\":7}}");
        surroundings_report(&(Surroundings){.outbox_known = cases[i].known}, &self.world.tenant,
                            self.status, self.conditions, &stamp);
        assert_int_equal(json_int(self.status, "outbox.pending", -1), cases[i].want);
    }
}

TEST(delivering_is_false_when_the_promise_is_broken)
{
    static const struct {
        const char *spec;
        int64_t lag;
        int64_t oldest;
        int64_t dead;
        const char *want;
    } cases[] = {
        {"{}", 999, 999, 0, "True AsPromised: "},
        {"{\"slo\":{\"latency\":\"1s\"}}", 0, 1, 0, "True AsPromised: "},
        {"{\"slo\":{\"latency\":\"1s\"}}", 0, 2, 0,
         "False OutboxBehind: rows wait in the outbox for longer than spec.slo.latency (1s)"},
        {"{\"slo\":{\"latency\":\"10ms\"}}", 0, 0, 0, "True AsPromised: "},
        {"{\"slo\":{\"maxLag\":10}}", 10, 0, 0, "True AsPromised: "},
        {"{\"slo\":{\"maxLag\":10}}", 11, 0, 0,
         "False ConsumersBehind: a consumer's lag is above spec.slo.maxLag (10)"},
        {"{\"slo\":{\"maxLag\":0,\"latency\":\"1s\"}}", 11, 99, 4,
         "False DeadRows: 4 rows of the outbox were given up and wait for a decision: look at "
         "them, then requeue or discard them"},
        {"{\"mode\":\"Suspend\"}", 0, 99, 4, ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Surroundings found = rows(5, cases[i].oldest, cases[i].dead);
        DEFER(reported_done) Reported self = report(cases[i].spec, cases[i].lag, &found);

        condition_is(self.conditions, "Delivering", cases[i].want);
    }
}

TEST(without_a_relay_only_a_promised_lag_is_judged)
{
    static const struct {
        const char *spec;
        const char *want;
    } cases[] = {
        {"{}", ""},
        {"{\"slo\":{\"maxLag\":10}}",
         "False ConsumersBehind: a consumer's lag is above spec.slo.maxLag (10)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const Surroundings none = {.outbox_known = OUTBOX_UNREPORTED};
        DEFER(reported_done) Reported self = report(cases[i].spec, 99, &none);

        condition_is(self.conditions, "Delivering", cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isolated_is_said_once_all_streams_were_looked_at),
        cmocka_unit_test(the_rows_of_the_outbox_are_rounded),
        cmocka_unit_test(
            what_is_not_known_leaves_the_old_rows_and_what_nobody_reports_takes_them_away),
        cmocka_unit_test(delivering_is_false_when_the_promise_is_broken),
        cmocka_unit_test(without_a_relay_only_a_promised_lag_is_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tenant_state.h"
#include "unit.h"

static cJSON *json_of(const char *text)
{
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &json, &error), 0);
    return json;
}

#define CONDITION(type, status, generation, reason)                                                \
    "{\"type\":\"" type "\",\"status\":\"" status "\",\"observedGeneration\":" generation          \
    ",\"reason\":\"" reason "\",\"message\":\"why\"}"
#define OBJECT(conditions)                                                                         \
    "{\"metadata\":{\"name\":\"acme\",\"generation\":2,\"annotations\":"                           \
    "{\"bulkhead.dev/account\":\"Acme\"}},\"status\":{\"stream\":{\"name\":\"TENANT_ACME\"},"      \
    "\"conditions\":[" conditions "]}}"

TEST(a_state_is_what_the_conditions_of_this_generation_say)
{
    static const struct {
        const char *object;
        TenantState want;
        const char *reason;
    } cases[] = {
        {"{\"metadata\":{\"generation\":1},\"status\":{\"observedGeneration\":-1}}", TENANT_PENDING,
         "Waiting"},
        {OBJECT(CONDITION("Ready", "True", "2", "Reconciled")), TENANT_READY, "Reconciled"},
        {OBJECT(CONDITION("Ready", "True", "1", "Reconciled")), TENANT_PENDING, "Waiting"},
        {OBJECT(CONDITION("Ready", "Unknown", "2", "Progressing")), TENANT_PENDING, "Progressing"},
        {OBJECT(CONDITION("Ready", "False", "2", "Unavailable")), TENANT_PENDING, "Unavailable"},
        {OBJECT(CONDITION("Ready", "False", "2",
                          "OwnedByOther") "," CONDITION("Stalled", "True", "2", "OwnedByOther")),
         TENANT_FAILED, "OwnedByOther"},
        {OBJECT(CONDITION("Ready", "True", "2", "Reconciled") "," CONDITION("Stalled", "True", "1",
                                                                            "OwnedByOther")),
         TENANT_READY, "Reconciled"},
        {OBJECT(CONDITION("Ready", "Unknown", "2", "Suspended")), TENANT_SUSPENDED, "Suspended"},
        {"{\"metadata\":{\"deletionTimestamp\":\"now\",\"generation\":2},\"status\":{"
         "\"conditions\":[" CONDITION("Ready", "True", "2", "Reconciled") "]}}",
         TENANT_PENDING, "Deleting"},
        {"{}", TENANT_PENDING, "Waiting"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *object = json_of(cases[i].object);
        const TenantReport report = tenant_report(object);

        assert_int_equal(report.state, cases[i].want);
        assert_string_equal(report.reason, cases[i].reason);
    }
}

TEST(the_answer_says_who_it_is_how_it_is_and_why)
{
    DEFER(defer_json)
    cJSON *object = json_of(OBJECT(CONDITION("Ready", "True", "2", "Reconciled")));
    DEFER(defer_free) char *body = tenant_report_body(object);

    assert_string_equal(body,
                        "{\"id\":\"acme\",\"account\":\"Acme\",\"state\":\"Ready\",\"reason\":"
                        "\"Reconciled\",\"message\":\"why\",\"stream\":\"TENANT_ACME\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_what_the_conditions_of_this_generation_say),
        cmocka_unit_test(the_answer_says_who_it_is_how_it_is_and_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

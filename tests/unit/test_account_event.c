#include "account_event.h"
#include "unit.h"

static const int64_t now_ms = INT64_C(1795435200000); /* 2026-11-23T12:00:00Z */
static const int64_t hour_ms = 3600000;

static EventRules rules_of(SignatureForm form)
{
    return (EventRules){
        .form = form,
        .names =
            {
                [EVENT_CREATED] = "account.created, customer.created",
                [EVENT_UPDATED] = "account.updated",
                [EVENT_SUSPENDED] = "account.suspended",
                [EVENT_RESUMED] = "account.resumed",
                [EVENT_DELETED] = "account.deleted",
            },
        .type_field = "type",
        .time_fields = "timestamp,created",
        .account_fields = "data.account.id,data.id",
        .plan_fields = "data.plan,data.account.plan",
        .now_ms = now_ms,
        .tolerance_ms = 300000,
        .max_age_ms = 96 * hour_ms,
    };
}

static EventInput input_of(const char *body)
{
    return (EventInput){
        .content_type = "application/json",
        .webhook_id = "msg_1",
        .signed_ms = now_ms - 1000,
        .body = body,
        .length = strlen(body),
    };
}

static void parse(const EventInput *input, const EventRules *rules, Event *ret_event)
{
    Problem problem = {0};

    if (event_parse(input, rules, ret_event, &problem) < 0)
        fail_msg("%s", problem.detail);
}

TEST(a_plain_event_is_read)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);
    EventInput input = input_of("{\"type\":\"account.created\",\"timestamp\":"
                                "\"2026-11-23T11:59:58.250Z\",\"data\":{\"account\":{\"id\":"
                                "\"Acme, Inc.\",\"plan\":\"starter\"},\"quota\":5}}");
    Event event;

    input.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    parse(&input, &rules, &event);
    assert_int_equal(event.kind, EVENT_CREATED);
    assert_string_equal(event.type, "account.created");
    assert_string_equal(event.id, "msg_1");
    assert_string_equal(event.account, "Acme, Inc.");
    assert_string_equal(event.tenant, "acme-inc-c40fac9c");
    assert_string_equal(event.plan, "starter");
    assert_string_equal(event.trace.trace, "0af7651916cd43dd8448eb211c80319c");
    assert_string_equal(event.trace.span, "b7ad6b7169203331");
    assert_int_equal(event.time_ms, now_ms - 1750);
    assert_int_equal(json_int(event.root, "data.quota", 0), 5);
    event_done(&event);
}

TEST(a_cloudevents_own_trace_wins_over_that_of_its_delivery)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);
    EventInput structured =
        input_of("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/a\","
                 "\"type\":\"invoice.paid\",\"traceparent\":"
                 "\"00-11111111111111111111111111111111-2222222222222222-01\"}");
    EventInput binary = input_of("{}");
    Event event;

    structured.content_type = "application/cloudevents+json";
    structured.traceparent = "00-33333333333333333333333333333333-4444444444444444-01";
    parse(&structured, &rules, &event);
    assert_string_equal(event.trace.trace, "11111111111111111111111111111111");
    event_done(&event);

    binary.ce_specversion = "1.0";
    binary.ce_id = "1";
    binary.ce_source = "/a";
    binary.ce_type = "invoice.paid";
    binary.traceparent = structured.traceparent;
    parse(&binary, &rules, &event);
    assert_string_equal(event.trace.trace, "33333333333333333333333333333333");
    event_done(&event);
    binary.ce_traceparent = "00-55555555555555555555555555555555-6666666666666666-01";
    parse(&binary, &rules, &event);
    assert_string_equal(event.trace.trace, "55555555555555555555555555555555");
    event_done(&event);
}

TEST(a_type_is_what_the_configuration_calls_it)
{
    static const struct {
        const char *type;
        EventKind want;
    } cases[] = {
        {"account.created", EVENT_CREATED},  {"customer.created", EVENT_CREATED},
        {"account.updated", EVENT_UPDATED},  {"account.suspended", EVENT_SUSPENDED},
        {"account.resumed", EVENT_RESUMED},  {"account.deleted", EVENT_DELETED},
        {"account.create", EVENT_UNKNOWN},   {"account.created ", EVENT_UNKNOWN},
        {"account.created,", EVENT_UNKNOWN}, {"Account.Created", EVENT_UNKNOWN},
        {"invoice.paid", EVENT_UNKNOWN},
    };
    const EventRules rules = rules_of(SIGNATURE_STANDARD);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char body[200];
        Event event;

        (void)snprintf(body, sizeof body, "{\"type\":\"%s\",\"data\":{\"id\":\"acme\"}}",
                       cases[i].type);
        const EventInput input = input_of(body);
        parse(&input, &rules, &event);
        assert_int_equal(event.kind, cases[i].want);
        event_done(&event);
    }
}

TEST(an_event_of_another_type_needs_nothing_else)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);
    const EventInput input = input_of("{\"type\":\"invoice.paid\"}");
    Event event;

    parse(&input, &rules, &event);
    assert_int_equal(event.kind, EVENT_UNKNOWN);
    assert_string_equal(event.account, "");
    event_done(&event);
}

TEST(without_a_time_in_it_an_event_is_as_old_as_its_signature)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);
    const EventInput input = input_of("{\"type\":\"account.updated\",\"data\":{\"id\":\"acme\"}}");
    Event event;

    parse(&input, &rules, &event);
    assert_int_equal(event.time_ms, now_ms - 1000);
    event_done(&event);
}

TEST(an_account_may_be_a_number_and_a_time_seconds)
{
    const EventRules rules = rules_of(SIGNATURE_STRIPE);
    const EventInput input = input_of("{\"id\":\"evt_1\",\"type\":\"account.updated\",\"created\":"
                                      "1795435190,\"data\":{\"id\":9007199254740991}}");
    Event event;

    parse(&input, &rules, &event);
    assert_string_equal(event.account, "9007199254740991");
    assert_string_equal(event.tenant, "9007199254740991");
    assert_int_equal(event.time_ms, now_ms - 10000);
    assert_string_equal(event.id, "evt_1");
    event_done(&event);
}

TEST(in_githubs_form_the_id_is_that_of_the_content)
{
    const EventRules rules = rules_of(SIGNATURE_GITHUB);
    EventInput input = input_of("{\"type\":\"account.updated\",\"timestamp\":1795435190,\"data\":"
                                "{\"id\":\"acme\"}}");
    Event event;

    input.webhook_id = "anyone can write this";
    input.signed_ms = -1;
    parse(&input, &rules, &event);
    assert_true(text_starts(event.id, "sha256:"));
    assert_string_equal(event.id + strlen("sha256:"), event.digest);
    event_done(&event);
}

#define CE_BODY                                                                                    \
    "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/accounts\",\"type\":\"account.created\"," \
    "\"time\":\"2026-11-23T11:00:00Z\",\"data\":{\"id\":\"acme\"}}"

TEST(a_structured_cloudevent_is_read_and_has_an_id_of_its_own)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);
    EventInput input = input_of(CE_BODY);
    Event event;

    input.content_type = "application/cloudevents+json; charset=UTF-8";
    parse(&input, &rules, &event);
    assert_int_equal(event.kind, EVENT_CREATED);
    assert_string_equal(event.id, "/accounts 7");
    assert_string_equal(event.account, "acme");
    assert_int_equal(event.time_ms, now_ms - hour_ms);
    event_done(&event);
}

TEST(a_cloudevent_may_carry_its_data_as_base64)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);
    EventInput input = input_of("{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/a\",\"type\":"
                                "\"account.created\",\"data_base64\":\"eyJpZCI6ImFjbWUifQ==\"}");
    Event event;

    input.content_type = "application/cloudevents+json";
    parse(&input, &rules, &event);
    assert_string_equal(event.account, "acme");
    event_done(&event);
}

static EventInput binary_input(void)
{
    EventInput input = input_of("{\"id\":\"acme\"}");

    input.ce_specversion = "1.0";
    input.ce_id = "7";
    input.ce_source = "/accounts%20of%20%C3%A4";
    input.ce_type = "account.created";
    input.ce_time = "2026-11-23T11:00:00Z";
    return input;
}

TEST(a_binary_cloudevent_has_its_attributes_in_headers_and_its_id_under_the_signature)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);
    EventInput input = binary_input();
    Event event;
    Event other;

    parse(&input, &rules, &event);
    assert_int_equal(event.kind, EVENT_CREATED);
    assert_string_equal(event.id, "msg_1");
    assert_string_equal(event.account, "acme");
    assert_string_equal(json_text(event.root, "source", ""), "/accounts of \xc3\xa4");
    assert_int_equal(event.time_ms, now_ms - hour_ms);

    /* Headers are not signed: another one under the same id is another event. */
    input.ce_type = "account.deleted";
    parse(&input, &rules, &other);
    assert_string_equal(other.id, event.id);
    assert_string_not_equal(other.digest, event.digest);
    event_done(&event);
    event_done(&other);
}

TEST(what_names_the_account_of_a_binary_cloudevent_is_signed)
{
    EventRules rules = rules_of(SIGNATURE_STANDARD);
    EventInput input = binary_input();
    Event event;

    rules.account_fields = "subject,data.id";
    input.ce_subject = "globex";
    parse(&input, &rules, &event);
    assert_string_equal(event.account, "acme");
    event_done(&event);
}

/* Neither of these forms signs an id, so that nothing would bind the headers to the body. */
TEST(a_binary_cloudevent_counts_only_where_its_id_is_signed)
{
    static const SignatureForm forms[] = {SIGNATURE_GITHUB, SIGNATURE_STRIPE};
    EventInput input = binary_input();
    Event event;

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        const EventRules rules = rules_of(forms[i]);
        Problem problem = {0};

        input.signed_ms = forms[i] == SIGNATURE_GITHUB ? -1 : now_ms;
        assert_int_equal(event_parse(&input, &rules, &event, &problem), -1);
        assert_int_equal(problem.kind, PROBLEM_MEDIA_TYPE);
        assert_non_null(strstr(problem.detail, "send it structured"));
    }
}

TEST(a_plan_that_cannot_be_one_is_refused_and_not_left_out)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);
    static const char *const plans[] = {
        "{\"name\":\"gold\"}",
        "[\"gold\"]",
        "1.5",
        "true",
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
    };

    for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
        char body[200];
        Event event;
        Problem problem = {0};

        (void)snprintf(body, sizeof body,
                       "{\"type\":\"account.created\",\"data\":{\"id\":\"a\",\"plan\":%s}}",
                       plans[i]);
        const EventInput input = input_of(body);
        assert_int_equal(event_parse(&input, &rules, &event, &problem), -1);
        assert_int_equal(problem.kind, PROBLEM_INCOMPLETE_EVENT);
        assert_non_null(strstr(problem.detail, "the plan"));
    }
}

TEST(a_plan_may_be_left_out_and_only_an_accounts_content_needs_one)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);
    static const char *const bodies[] = {
        "{\"type\":\"account.created\",\"data\":{\"id\":\"a\"}}",
        "{\"type\":\"account.created\",\"data\":{\"id\":\"a\",\"plan\":null}}",
        "{\"type\":\"account.created\",\"data\":{\"id\":\"a\",\"plan\":\"\"}}",
        "{\"type\":\"account.suspended\",\"data\":{\"id\":\"a\",\"plan\":{\"a\":1}}}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        const EventInput input = input_of(bodies[i]);
        Event event;

        parse(&input, &rules, &event);
        assert_string_equal(event.plan, "");
        event_done(&event);
    }
}

static const struct {
    const char *type;
    const char *body;
    ProblemKind want;
    const char *detail;
} refused[] = {
    {NULL, "{}", PROBLEM_MEDIA_TYPE, "Content-Type must be"},
    {"text/plain", "{}", PROBLEM_MEDIA_TYPE, "Content-Type must be"},
    {"application/x-www-form-urlencoded", "{}", PROBLEM_MEDIA_TYPE, "Content-Type must be"},
    {"application/json; charset=latin1", "{}", PROBLEM_MEDIA_TYPE, "the charset must be utf-8"},
    {"application/cloudevents-batch+json", "[]", PROBLEM_MEDIA_TYPE, "batches of CloudEvents"},
    {"application/json", "", PROBLEM_MALFORMED_EVENT, "the body: not JSON"},
    {"application/json", "[]", PROBLEM_MALFORMED_EVENT, "the body must be a JSON object"},
    {"application/json", "{} {}", PROBLEM_MALFORMED_EVENT, "text after the JSON value"},
    {"application/json", "{\"type\":\"\xff\"}", PROBLEM_MALFORMED_EVENT, "is not UTF-8"},
    {"application/json", "{\"type\":\"a\\u0000b\"}", PROBLEM_MALFORMED_EVENT, "a NUL character"},
    {"application/json", "{\"type\":\"a\\\\\\u0000b\"}", PROBLEM_MALFORMED_EVENT,
     "a NUL character"},
    {"application/json", "{}", PROBLEM_MALFORMED_EVENT, "in 'type'"},
    {"application/json", "{\"type\":[]}", PROBLEM_MALFORMED_EVENT, "in 'type'"},
    {"application/json", "{\"type\":\"\"}", PROBLEM_MALFORMED_EVENT, "in 'type'"},
    {"application/json", "{\"type\":\"account.created\"}", PROBLEM_INCOMPLETE_EVENT,
     "must name the account"},
    {"application/json", "{\"type\":\"account.created\",\"data\":{\"id\":\"\"}}",
     PROBLEM_INCOMPLETE_EVENT, "must name the account"},
    {"application/json", "{\"type\":\"account.created\",\"data\":{\"id\":1.5}}",
     PROBLEM_INCOMPLETE_EVENT, "must name the account"},
    {"application/json", "{\"type\":\"account.created\",\"data\":{\"id\":1e300}}",
     PROBLEM_INCOMPLETE_EVENT, "must name the account"},
    {"application/json", "{\"type\":\"account.created\",\"data\":{\"id\":\"a\\nb\"}}",
     PROBLEM_INCOMPLETE_EVENT, "must name the account"},
    {"application/json",
     "{\"type\":\"account.created\",\"timestamp\":\"yesterday\",\"data\":{\"id\":\"a\"}}",
     PROBLEM_MALFORMED_EVENT, "neither RFC 3339 nor seconds"},
    {"application/json", "{\"type\":\"account.created\",\"timestamp\":-1,\"data\":{\"id\":\"a\"}}",
     PROBLEM_MALFORMED_EVENT, "neither RFC 3339 nor seconds"},
    {"application/json",
     "{\"type\":\"account.created\",\"timestamp\":1e18,\"data\":{\"id\":\"a\"}}",
     PROBLEM_MALFORMED_EVENT, "neither RFC 3339 nor seconds"},
    {"application/json",
     "{\"type\":\"account.created\",\"timestamp\":1e300,\"data\":{\"id\":\"a\"}}",
     PROBLEM_MALFORMED_EVENT, "neither RFC 3339 nor seconds"},
    {"application/json",
     "{\"type\":\"account.created\",\"timestamp\":\"2026-11-23T12:05:01Z\","
     "\"data\":{\"id\":\"a\"}}",
     PROBLEM_INCOMPLETE_EVENT, "in the future"},
    {"application/json",
     "{\"type\":\"account.created\",\"timestamp\":\"2026-11-19T11:59:59Z\","
     "\"data\":{\"id\":\"a\"}}",
     PROBLEM_INCOMPLETE_EVENT, "older than 96 hours"},
    {"application/cloudevents+json", "{}", PROBLEM_MALFORMED_EVENT, "specversion 1.0"},
    {"application/cloudevents+json", "{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\"}",
     PROBLEM_MALFORMED_EVENT, "must have source"},
    {"application/cloudevents+json",
     "{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\",\"source\":\"s\","
     "\"data_base64\":\"!!!!\"}",
     PROBLEM_MALFORMED_EVENT, "data_base64"},
    {"application/cloudevents+json",
     "{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\",\"source\":\"s\","
     "\"data_base64\":\"\"}",
     PROBLEM_MALFORMED_EVENT, "data_base64"},
};

TEST(what_cannot_be_an_event_is_refused_with_its_reason)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);

    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        EventInput input = input_of(refused[i].body);
        Event event;
        Problem problem = {0};

        input.content_type = refused[i].type;
        assert_int_equal(event_parse(&input, &rules, &event, &problem), -1);
        assert_int_equal(problem.kind, refused[i].want);
        if (strstr(problem.detail, refused[i].detail) == NULL)
            fail_msg("'%s' does not say '%s'", problem.detail, refused[i].detail);
    }
}

TEST(what_a_binary_cloudevent_lacks_is_said)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);
    EventInput broken[4] = {binary_input(), binary_input(), binary_input(), binary_input()};
    Event event;
    Problem problem = {0};

    broken[0].ce_specversion = "0.3";
    broken[1].ce_id = NULL;
    broken[2].ce_source = "%zz";
    broken[3].ce_source = "%00";
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        assert_int_equal(event_parse(&broken[i], &rules, &event, &problem), -1);
        assert_int_equal(problem.kind, PROBLEM_MALFORMED_EVENT);
    }
}

TEST(compressed_bodies_are_not_unpacked)
{
    const EventRules rules = rules_of(SIGNATURE_STANDARD);
    EventInput input = input_of("{}");
    Event event;
    Problem problem = {0};

    input.content_encoding = "gzip";
    assert_int_equal(event_parse(&input, &rules, &event, &problem), -1);
    assert_int_equal(problem.kind, PROBLEM_MEDIA_TYPE);
}

TEST(without_a_time_under_the_signature_the_event_must_have_one)
{
    const EventRules rules = rules_of(SIGNATURE_GITHUB);
    EventInput input = input_of("{\"type\":\"account.created\",\"data\":{\"id\":\"acme\"}}");
    Event event;
    Problem problem = {0};

    input.signed_ms = -1;
    assert_int_equal(event_parse(&input, &rules, &event, &problem), -1);
    assert_int_equal(problem.kind, PROBLEM_INCOMPLETE_EVENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_event_is_read),
        cmocka_unit_test(a_cloudevents_own_trace_wins_over_that_of_its_delivery),
        cmocka_unit_test(a_type_is_what_the_configuration_calls_it),
        cmocka_unit_test(an_event_of_another_type_needs_nothing_else),
        cmocka_unit_test(without_a_time_in_it_an_event_is_as_old_as_its_signature),
        cmocka_unit_test(an_account_may_be_a_number_and_a_time_seconds),
        cmocka_unit_test(in_githubs_form_the_id_is_that_of_the_content),
        cmocka_unit_test(a_structured_cloudevent_is_read_and_has_an_id_of_its_own),
        cmocka_unit_test(a_cloudevent_may_carry_its_data_as_base64),
        cmocka_unit_test(
            a_binary_cloudevent_has_its_attributes_in_headers_and_its_id_under_the_signature),
        cmocka_unit_test(what_names_the_account_of_a_binary_cloudevent_is_signed),
        cmocka_unit_test(a_binary_cloudevent_counts_only_where_its_id_is_signed),
        cmocka_unit_test(a_plan_that_cannot_be_one_is_refused_and_not_left_out),
        cmocka_unit_test(a_plan_may_be_left_out_and_only_an_accounts_content_needs_one),
        cmocka_unit_test(what_cannot_be_an_event_is_refused_with_its_reason),
        cmocka_unit_test(what_a_binary_cloudevent_lacks_is_said),
        cmocka_unit_test(compressed_bodies_are_not_unpacked),
        cmocka_unit_test(without_a_time_under_the_signature_the_event_must_have_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "api_refusal.h"
#include "unit.h"

static int read_refusal(int64_t code, const char *text, Problem *retproblem)
{
    DEFER(defer_json) cJSON *status = NULL;
    Error error;

    if (text != NULL)
        assert_int_equal(json_parse(text, strlen(text), &status, &error), 0);
    return api_refusal_read(code, status, retproblem);
}

/* As kube-apiserver 1.36 writes them. */
#define OWNED                                                                                      \
    "{\"code\":409,\"reason\":\"Conflict\",\"message\":\"Apply failed with 2 conflicts\","         \
    "\"details\":{\"causes\":[{\"reason\":\"FieldManagerConflict\",\"message\":"                   \
    "\"conflict with \\\"argocd-controller\\\" using bulkhead.dev/v1alpha1\",\"field\":"           \
    "\".spec.stream.maxBytes\"},{\"reason\":\"FieldManagerConflict\",\"message\":"                 \
    "\"conflict with \\\"kubectl\\\"\",\"field\":\".spec.mode\"}]}}"
#define CHANGED                                                                                    \
    "{\"code\":409,\"reason\":\"Conflict\",\"message\":\"the object has been modified\","          \
    "\"details\":{\"name\":\"x\"}}"
#define OTHER_UID                                                                                  \
    "{\"code\":422,\"reason\":\"Invalid\",\"details\":{\"causes\":[{\"reason\":"                   \
    "\"FieldValueInvalid\",\"message\":\"field is immutable\",\"field\":\"metadata.uid\"}]}}"
#define INVALID                                                                                    \
    "{\"code\":422,\"reason\":\"Invalid\",\"details\":{\"causes\":[{\"reason\":"                   \
    "\"FieldValueInvalid\",\"message\":\"must be less\",\"field\":\"spec.stream.maxBytes\"},{"     \
    "\"message\":\"no\",\"field\":\"spec.mode\"}]}}"
#define WRONG_TYPE                                                                                 \
    "{\"code\":500,\"message\":\"failed to create typed patch object (/z; v1, Kind=Tenant): "      \
    ".spec.stream.nope: field not declared in schema\"}"

TEST(fields_of_others_are_named_with_their_owners)
{
    DEFER(problem_done) Problem problem = {0};

    assert_int_equal(read_refusal(409, OWNED, &problem), -1);
    assert_int_equal(problem.kind, PROBLEM_FIELDS_OWNED);
    assert_string_equal(problem.detail, "2 field(s) of the Tenant are kept by someone else, with "
                                        "other values; nothing was changed");
    DEFER(defer_free) char *fields = json_print(problem.fields);
    assert_string_equal(fields,
                        "[{\"field\":\".spec.stream.maxBytes\",\"owner\":\"argocd-controller\"},"
                        "{\"field\":\".spec.mode\",\"owner\":\"kubectl\"}]");
}

TEST(an_object_that_changed_is_looked_at_again)
{
    Problem problem = {0};

    assert_int_equal(read_refusal(409, CHANGED, &problem), 0);
    assert_int_equal(read_refusal(409, NULL, &problem), 0);
    assert_int_equal(read_refusal(422, OTHER_UID, &problem), 0);
}

TEST(what_is_wrong_with_the_tenant_is_said_to_the_sender)
{
    Problem problem = {0};

    assert_int_equal(read_refusal(422, INVALID, &problem), -1);
    assert_int_equal(problem.kind, PROBLEM_REFUSED);
    assert_string_equal(problem.detail, "spec.stream.maxBytes: must be less; spec.mode: no");
    assert_int_equal(read_refusal(500, WRONG_TYPE, &problem), -1);
    assert_int_equal(problem.kind, PROBLEM_REFUSED);
    assert_non_null(strstr(problem.detail, ".spec.stream.nope: field not declared"));
    assert_int_equal(read_refusal(400, "{\"message\":\"bad\"}", &problem), -1);
    assert_string_equal(problem.detail, "bad");
}

TEST(what_is_wrong_with_us_is_said_to_the_log_alone)
{
    static const struct {
        int64_t code;
        const char *status;
        const char *note;
    } cases[] = {
        {401, "{\"message\":\"Unauthorized\"}", "(HTTP 401)"},
        {403, "{\"message\":\"user x may not patch\"}", "user x may not patch"},
        {404, NULL, "(HTTP 404)"},
        {429, "{\"message\":\"later\"}", "later (HTTP 429)"},
        {500, "{\"message\":\"etcd\"}", "etcd (HTTP 500)"},
        {200, NULL, "the API server's answer is not JSON"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Problem problem = {0};

        assert_int_equal(read_refusal(cases[i].code, cases[i].status, &problem), -1);
        assert_int_equal(problem.kind, PROBLEM_UNAVAILABLE);
        assert_string_equal(problem.detail, "the event was not handled; send it again later");
        assert_non_null(strstr(problem.log_note, cases[i].note));
        assert_int_equal(problem.retry_after_s, 5);
    }
}

TEST(a_problem_is_told_as_rfc_9457_has_it)
{
    DEFER(problem_done) Problem problem = {0};

    assert_int_equal(read_refusal(409, OWNED, &problem), -1);
    DEFER(defer_free) char *body = problem_body(&problem, "0123456789abcdef");
    assert_string_equal(
        body,
        "{\"type\":\"urn:bulkhead:problem:fields-owned\",\"title\":\"Someone else owns fields of "
        "the Tenant\",\"status\":409,\"detail\":\"2 field(s) of the Tenant are kept by someone "
        "else, with other values; nothing was changed\",\"fields\":[{\"field\":"
        "\".spec.stream.maxBytes\",\"owner\":\"argocd-controller\"},{\"field\":\".spec.mode\","
        "\"owner\":\"kubectl\"}],\"request\":\"0123456789abcdef\"}");
}

TEST(every_problem_has_a_name_of_its_own_and_a_code_of_an_error)
{
    static const ProblemKind kinds[] = {
#define X(kind, code, name, title) kind,
        PROBLEMS(X)
#undef X
    };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        assert_true(problem_code(kinds[i]) >= 400 && problem_code(kinds[i]) < 600);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(problem_name(kinds[i]), problem_name(kinds[j]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_others_are_named_with_their_owners),
        cmocka_unit_test(an_object_that_changed_is_looked_at_again),
        cmocka_unit_test(what_is_wrong_with_the_tenant_is_said_to_the_sender),
        cmocka_unit_test(what_is_wrong_with_us_is_said_to_the_log_alone),
        cmocka_unit_test(a_problem_is_told_as_rfc_9457_has_it),
        cmocka_unit_test(every_problem_has_a_name_of_its_own_and_a_code_of_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

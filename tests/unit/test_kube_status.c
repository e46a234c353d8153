#include "kube_status.h"
#include "unit.h"

static cJSON *parsed(const char *text)
{
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &json, &error), 0);
    return json;
}

TEST(a_code_decides_the_kind)
{
    static const struct {
        int64_t code;
        ErrorKind want;
    } cases[] = {
        {0, ERROR_BUSY},      {302, ERROR_REFUSED},   {400, ERROR_INVALID}, {401, ERROR_DENIED},
        {403, ERROR_DENIED},  {404, ERROR_NOT_FOUND}, {405, ERROR_REFUSED}, {406, ERROR_REFUSED},
        {408, ERROR_BUSY},    {409, ERROR_CONFLICT},  {410, ERROR_EXPIRED}, {413, ERROR_REFUSED},
        {422, ERROR_INVALID}, {429, ERROR_BUSY},      {500, ERROR_BUSY},    {503, ERROR_BUSY},
        {504, ERROR_BUSY},    {507, ERROR_LIMIT},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(kube_status_kind(cases[i].code), cases[i].want);
}

TEST(success_is_no_error)
{
    Error error = {0};

    for (int64_t code = 200; code < 300; code++)
        assert_int_equal(kube_status_read(code, NULL, &error), 0);
    assert_int_equal(error.kind, ERROR_NONE);
}

TEST(the_message_of_the_status_is_the_text)
{
    static const struct {
        int64_t code;
        const char *body;
        const char *want;
    } cases[] = {
        {404, "{\"message\":\"tenants \\\"acme\\\" not found\",\"reason\":\"NotFound\"}",
         "tenants \"acme\" not found (HTTP 404 NotFound)"},
        {409, "{\"message\":\"it exists\",\"reason\":\"AlreadyExists\"}",
         "it exists (HTTP 409 AlreadyExists)"},
        {422, "{\"message\":\"spec.a: Invalid value\"}", "spec.a: Invalid value (HTTP 422)"},
        {401, "{\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\"}",
         "the API server does not accept our credentials (HTTP 401 Unauthorized)"},
        {403, "[]", "our account may not do this; check its role (HTTP 403)"},
        {429, "{}", "the API server asks us to come back later (HTTP 429)"},
        {502, "\"<html>\"", "no reason given (HTTP 502)"},
        {500, "{\"message\":7,\"reason\":{}}", "no reason given (HTTP 500)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *body = parsed(cases[i].body);
        Error error = {0};

        assert_int_equal(kube_status_read(cases[i].code, body, &error), -1);
        assert_int_equal(error.kind, kube_status_kind(cases[i].code));
        assert_string_equal(error.text, cases[i].want);
    }
}

TEST(an_answer_without_a_body_has_a_text_too)
{
    Error error = {0};

    assert_int_equal(kube_status_read(404, NULL, &error), -1);
    assert_string_equal(error.text, "not found (HTTP 404)");
}

TEST(only_a_404_that_names_an_object_means_that_it_is_not_there)
{
    static const KubeResource tenants = {"bulkhead.dev", "v1alpha1", "tenants", "Tenant"};
    static const struct {
        const char *body; /* as kube-apiserver 1.36 and a proxy say it */
        ErrorKind want;
    } cases[] = {
        {"{\"kind\":\"Status\",\"message\":\"tenants \\\"a\\\" not found\",\"reason\":"
         "\"NotFound\",\"details\":{\"name\":\"a\",\"kind\":\"tenants\"},\"code\":404}",
         ERROR_NOT_FOUND},
        {"{\"kind\":\"Status\",\"message\":\"the server could not find the requested resource\","
         "\"reason\":\"NotFound\",\"details\":{},\"code\":404}",
         ERROR_REFUSED},
        {"null", ERROR_REFUSED},
    };
    Error error = {0};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *body = parsed(cases[i].body);

        assert_int_equal(kube_status_read_of(&tenants, 404, body, &error), -1);
        assert_int_equal(error.kind, cases[i].want);
    }
    assert_string_equal(error.text, "the API server does not know tenants of "
                                    "bulkhead.dev/v1alpha1; is the CRD installed?");
    assert_int_equal(kube_status_read_of(&tenants, 403, NULL, &error), -1);
    assert_int_equal(error.kind, ERROR_DENIED);
    assert_int_equal(kube_status_read_of(&tenants, 200, NULL, &error), 0);
}

TEST(expiry_has_several_shapes)
{
    static const struct {
        int64_t code;
        const char *body;
        bool want;
    } cases[] = {
        {410, "{}", true},
        {410, "{\"reason\":\"Gone\"}", true},
        {200, "{\"kind\":\"Status\",\"code\":410}", true},
        {200, "{\"reason\":\"Expired\"}", true},
        {400, "{\"reason\":\"Expired\"}", true},
        {500, "{\"reason\":\"InternalError\",\"code\":500}", false},
        {404, "{\"reason\":\"NotFound\",\"code\":404}", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *body = parsed(cases[i].body);

        assert_int_equal(kube_status_expired(cases[i].code, body), cases[i].want);
    }
}

/* As kube-apiserver 1.36 says it. */
TEST(a_server_behind_our_version_is_told_from_a_slow_one)
{
    DEFER(defer_json)
    cJSON *ahead =
        parsed("{\"message\":\"Timeout: Too large resource version: 99, current: 7\","
               "\"reason\":\"Timeout\",\"code\":504,\"details\":{\"causes\":[{\"reason\":"
               "\"ResourceVersionTooLarge\",\"message\":\"Too large resource version\"}],"
               "\"retryAfterSeconds\":1}}");
    DEFER(defer_json) cJSON *slow = parsed("{\"reason\":\"Timeout\",\"code\":504}");

    assert_true(kube_status_version_ahead(ahead));
    assert_false(kube_status_version_ahead(slow));
    assert_false(kube_status_version_ahead(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_decides_the_kind),
        cmocka_unit_test(success_is_no_error),
        cmocka_unit_test(the_message_of_the_status_is_the_text),
        cmocka_unit_test(an_answer_without_a_body_has_a_text_too),
        cmocka_unit_test(only_a_404_that_names_an_object_means_that_it_is_not_there),
        cmocka_unit_test(expiry_has_several_shapes),
        cmocka_unit_test(a_server_behind_our_version_is_told_from_a_slow_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

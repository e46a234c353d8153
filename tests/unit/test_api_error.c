#include "api_error.h"
#include "unit.h"
#include "yaml_value.h"

TEST(a_code_becomes_the_kind_that_decides_the_retry)
{
    static const struct {
        int64_t code;
        int64_t http;
        ErrorKind want;
    } cases[] = {
        {JS_STREAM_NOT_FOUND, 404, ERROR_NOT_FOUND},
        {JS_CONSUMER_NOT_FOUND, 404, ERROR_NOT_FOUND},
        {JS_STREAM_NAME_IN_USE, 400, ERROR_CONFLICT},
        {10148, 400, ERROR_CONFLICT},
        {10052, 500, ERROR_REFUSED}, /* 500, and yet waiting does not help */
        {10069, 500, ERROR_REFUSED},
        {10074, 500, ERROR_REFUSED},
        {10065, 400, ERROR_REFUSED},
        {10047, 500, ERROR_LIMIT},
        {10028, 500, ERROR_LIMIT},
        {10002, 400, ERROR_LIMIT},
        {10039, 503, ERROR_DENIED},
        {10185, 412, ERROR_UNSUPPORTED},
        {10025, 400, ERROR_UNSUPPORTED},
        {10167, 429, ERROR_BUSY}, /* 429, and yet waiting does */
        {10226, 400, ERROR_BUSY},
        {10008, 503, ERROR_BUSY},
        {10023, 503, ERROR_BUSY},
        {10009, 500, ERROR_BUSY},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(api_error_kind(cases[i].code, cases[i].http), cases[i].want);
}

TEST(an_unknown_code_is_refused_below_500_and_busy_from_there)
{
    assert_int_equal(api_error_kind(99999, 400), ERROR_REFUSED);
    assert_int_equal(api_error_kind(99999, 499), ERROR_REFUSED);
    assert_int_equal(api_error_kind(99999, 500), ERROR_BUSY);
    assert_int_equal(api_error_kind(0, 503), ERROR_BUSY);
}

TEST(an_answer_without_error_is_none)
{
    static const char *const replies[] = {"{}", "{config: {}}", "{error: null}"};

    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        DEFER(defer_json) cJSON *reply = yaml_value(replies[i]);
        Error error = {0};

        assert_int_equal(api_error_read(reply, &error), 0);
        assert_int_equal(error.kind, ERROR_NONE);
    }
}

TEST(an_error_is_told_in_the_servers_words_and_code)
{
    static const struct {
        const char *reply;
        ErrorKind kind;
        const char *want;
    } cases[] = {
        {"{error: {code: 404, err_code: 10059, description: stream not found}}", ERROR_NOT_FOUND,
         "stream not found (10059)"},
        {"{error: {code: 503, description: JetStream is away}}", ERROR_BUSY,
         "JetStream is away (503)"},
        {"{error: {code: 400}}", ERROR_REFUSED, "an error without a description (400)"},
        {"{error: {}}", ERROR_BUSY, "an error without a description (500)"},
        {"{error: oh}", ERROR_BUSY, "an error without a description (500)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *reply = yaml_value(cases[i].reply);
        Error error;

        assert_int_equal(api_error_read(reply, &error), -1);
        assert_int_equal(error.kind, cases[i].kind);
        assert_string_equal(error.text, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_becomes_the_kind_that_decides_the_retry),
        cmocka_unit_test(an_unknown_code_is_refused_below_500_and_busy_from_there),
        cmocka_unit_test(an_answer_without_error_is_none),
        cmocka_unit_test(an_error_is_told_in_the_servers_words_and_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

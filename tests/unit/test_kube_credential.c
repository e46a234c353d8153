#include "kube_credential.h"
#include "unit.h"

#define V1 "client.authentication.k8s.io/v1"

TEST(times_are_read_in_the_forms_of_rfc_3339)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-23T12:00:00Z", INT64_C(1795435200000)},
        {"2026-11-23T12:00:00.123456Z", INT64_C(1795435200000)},
        {"2026-11-23T14:00:00+02:00", INT64_C(1795435200000)},
        {"2026-11-23T07:30:00-04:30", INT64_C(1795435200000)},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t got = -1;
        Error error = {0};

        assert_int_equal(kube_time_parse(cases[i].text, &got, &error), 0);
        assert_int_equal(got, cases[i].want);
    }
}

TEST(what_is_no_time_is_refused)
{
    static const char *const cases[] = {"",
                                        "x",
                                        "2026-11-23",
                                        "2026-11-23T12:00:00",
                                        "2026-11-23T12:00:00Zx",
                                        "2026-13-23T12:00:00Z"};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t got = -1;
        Error error = {0};

        assert_int_equal(kube_time_parse(cases[i], &got, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_int_equal(got, -1);
    }
}

static int parse(const char *text, KubeCredential *ret_credential, Error *reterr)
{
    return kube_credential_parse(text, strlen(text), V1, ret_credential, reterr);
}

TEST(a_token_and_its_end_are_read)
{
    DEFER(kube_credential_done) KubeCredential credential = {0};
    Error error = {0};

    assert_int_equal(parse("{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\",\"status\":{"
                           "\"token\":\"abc\\n\",\"expirationTimestamp\":"
                           "\"2026-11-23T12:00:00Z\"}}",
                           &credential, &error),
                     0);
    assert_string_equal(credential.token.at, "abc");
    assert_null(credential.client_cert.at);
    assert_int_equal(credential.expires_ms, INT64_C(1795435200000));
}

TEST(a_certificate_comes_with_its_key)
{
    DEFER(kube_credential_done) KubeCredential credential = {0};
    Error error = {0};

    assert_int_equal(parse("{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\",\"status\":{"
                           "\"clientCertificateData\":\"C\",\"clientKeyData\":\"K\"}}",
                           &credential, &error),
                     0);
    assert_string_equal(credential.client_cert.at, "C");
    assert_string_equal(credential.client_key.at, "K");
    assert_int_equal(credential.expires_ms, INT64_MAX);
}

TEST(other_answers_are_refused)
{
    static const char *const cases[][2] = {
        {"", "it printed no ExecCredential (not JSON)"},
        {"token: abc", "it printed no ExecCredential (not JSON)"},
        {"{}", "it printed no ExecCredential"},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\"}",
         "it answered in version 'client.authentication.k8s.io/v1beta1', not '" V1 "'"},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\"}",
         "it gave neither a token nor a certificate"},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{\"token\":\"\"}}",
         "it gave neither a token nor a certificate"},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
         "\",\"status\":{\"token\":\"t\",\"clientKeyData\":\"K\"}}",
         "it gave only one of clientCertificateData and clientKeyData"},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
         "\",\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"soon\"}}",
         "expirationTimestamp: 'soon': not a time as 2026-11-23T12:00:00Z"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        KubeCredential credential = {0};
        Error error = {0};

        assert_int_equal(parse(cases[i][0], &credential, &error), -1);
        assert_string_equal(error.text, cases[i][1]);
        assert_null(credential.token.at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_in_the_forms_of_rfc_3339),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(a_token_and_its_end_are_read),
        cmocka_unit_test(a_certificate_comes_with_its_key),
        cmocka_unit_test(other_answers_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

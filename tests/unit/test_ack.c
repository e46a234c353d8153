#include "ack.h"
#include "unit.h"

static Ack parsed(const char *text)
{
    Ack ack;

    ack_parse(text, strlen(text), "TENANT_ACME", &ack);
    return ack;
}

TEST(an_answer_that_names_the_tenants_stream_counts)
{
    Ack ack = parsed("{\"stream\":\"TENANT_ACME\", \"seq\":7}");

    assert_true(ack.stored);
    assert_false(ack.duplicate);
}

/* The first form is what servers write, and is read without a JSON parser. */
TEST(every_form_of_a_good_answer_is_understood)
{
    static const char *const forms[] = {
        "{\"stream\":\"TENANT_ACME\",\"seq\":7}",
        "{\"stream\":\"TENANT_ACME\",\"seq\":7} ",
        "{\"stream\":\"TENANT_ACME\",\"domain\":\"hub\",\"seq\":7}",
        "{\"stream\":\"TENANT_ACME\",\"seq\":7,\"val\":\"1\"}",
        "{\"seq\":18446744073709551615,\"stream\":\"TENANT_ACME\"}",
        "{\"stream\":\"TENANT_ACME\",\"seq\":7,\"duplicate\":false}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        Ack ack = parsed(forms[i]);

        assert_true(ack.stored);
        assert_false(ack.duplicate);
    }
}

TEST(a_duplicate_is_as_good_as_stored)
{
    static const char *const forms[] = {
        "{\"stream\":\"TENANT_ACME\",\"seq\":7,\"duplicate\":true}",
        "{\"stream\":\"TENANT_ACME\",\"domain\":\"hub\",\"seq\":7,\"duplicate\":true}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        Ack ack = parsed(forms[i]);

        assert_true(ack.stored);
        assert_true(ack.duplicate);
    }
}

TEST(whatever_else_comes_was_not_stored)
{
    static const struct {
        const char *answer;
        FailureCause cause;
        const char *text;
    } cases[] = {
        {"{\"stream\":\"TENANT_OTHER\",\"seq\":7}", FAILURE_WRONG_STREAM,
         "the answer names stream 'TENANT_OTHER' where 'TENANT_ACME' was due"},
        {"{\"stream\":\"tenant_acme\",\"seq\":7}", FAILURE_WRONG_STREAM,
         "the answer names stream 'tenant_acme' where 'TENANT_ACME' was due"},
        {"{\"stream\":\"TENANT_ACME\"}", FAILURE_WRONG_STREAM,
         "the answer names stream 'TENANT_ACME' where 'TENANT_ACME' was due"},
        {"{\"stream\":\"TENANT_ACME\",\"seq\":0}", FAILURE_WRONG_STREAM,
         "the answer names stream 'TENANT_ACME' where 'TENANT_ACME' was due"},
        {"{\"stream\":\"TENANT_ACME\",\"seq\":-1}", FAILURE_WRONG_STREAM,
         "the answer names stream 'TENANT_ACME' where 'TENANT_ACME' was due"},
        {"{\"stream\":\"TENANT_ACMES\",\"seq\":7}", FAILURE_WRONG_STREAM,
         "the answer names stream 'TENANT_ACMES' where 'TENANT_ACME' was due"},
        {"{\"stream\":\"TENANT_ACME\",\"seq\":7}}", FAILURE_UNKNOWN,
         "the answer to the publish is not JSON"},
        {"{}", FAILURE_WRONG_STREAM, "the answer names stream '' where 'TENANT_ACME' was due"},
        {"", FAILURE_UNKNOWN, "the answer to the publish is not JSON"},
        {"+OK", FAILURE_UNKNOWN, "the answer to the publish is not JSON"},
        {"{\"stream\":\"TENANT_ACME\",\"seq\":7", FAILURE_UNKNOWN,
         "the answer to the publish is not JSON"},
        {"{\"error\":{\"code\":503,\"err_code\":10077,\"description\":\"maximum bytes "
         "exceeded\"},\"stream\":\"TENANT_ACME\",\"seq\":0}",
         FAILURE_FULL,
         "the stream or its account is full; raise the limit or consume: maximum bytes exceeded "
         "(JetStream 10077)"},
        {"{\"error\":{\"code\":400,\"err_code\":10060,\"description\":\"expected stream does not "
         "match\"},\"stream\":\"TENANT_ACME\",\"seq\":9}",
         FAILURE_WRONG_STREAM,
         "another stream than the tenant's takes this subject: expected stream does not match "
         "(JetStream 10060)"},
        {"{\"error\":{\"code\":400,\"err_code\":99999}}", FAILURE_UNKNOWN,
         "JetStream refused it: no description (JetStream 99999)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Ack ack = parsed(cases[i].answer);

        assert_false(ack.stored);
        assert_int_equal(ack.cause, cases[i].cause);
        assert_string_equal(ack.text, cases[i].text);
    }
}

TEST(the_answer_to_a_run_says_how_many_were_stored)
{
    static const struct {
        const char *answer;
        int64_t count;
    } cases[] = {
        {"{\"stream\":\"TENANT_ACME\",\"seq\":7,\"batch\":\"x\",\"count\":3}", 3},
        {"{\"stream\":\"TENANT_ACME\",\"seq\":0,\"batch\":\"x\",\"count\":3}", 3}, /* duplicates */
        {"{\"stream\":\"TENANT_ACME\",\"seq\":7,\"batch\":\"x\"}", 0},
        {"{\"stream\":\"TENANT_ACME\",\"seq\":7,\"batch\":\"x\",\"count\":-3}", 0},
        {"{\"stream\":\"TENANT_OTHER\",\"seq\":7,\"batch\":\"x\",\"count\":3}", 0},
        {"{\"error\":{\"code\":400,\"err_code\":10205,\"description\":\"batch publish is "
         "disabled\"},"
         "\"stream\":\"TENANT_ACME\",\"seq\":0,\"count\":3}",
         0},
        {"{\"stream\":\"TENANT_ACME\",\"count\":3", 0},
        {"", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Ack ack;

        ack_parse_run(cases[i].answer, strlen(cases[i].answer), "TENANT_ACME", &ack);
        assert_int_equal(ack.count, cases[i].count);
        assert_true(ack.stored == (cases[i].count > 0));
    }
}

TEST(nobody_answering_means_that_there_is_no_stream)
{
    Ack ack;

    ack_no_responders("TENANT_ACME", &ack);
    assert_false(ack.stored);
    assert_int_equal(ack.cause, FAILURE_NO_STREAM);
    assert_string_equal(ack.text, "the tenant's stream does not exist or has no leader; create the "
                                  "Tenant (TENANT_ACME)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_names_the_tenants_stream_counts),
        cmocka_unit_test(every_form_of_a_good_answer_is_understood),
        cmocka_unit_test(a_duplicate_is_as_good_as_stored),
        cmocka_unit_test(whatever_else_comes_was_not_stored),
        cmocka_unit_test(the_answer_to_a_run_says_how_many_were_stored),
        cmocka_unit_test(nobody_answering_means_that_there_is_no_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

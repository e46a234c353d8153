#include "failure.h"
#include "unit.h"

TEST(each_code_has_its_class)
{
    static const struct {
        int64_t err_code;
        int64_t http_code;
        FailureCause cause;
        FailureClass class;
    } cases[] = {
        {10167, 429, FAILURE_BUSY, FAILURE_OF_LANE},
        {10158, 409, FAILURE_BUSY, FAILURE_OF_LANE},
        {10077, 503, FAILURE_FULL, FAILURE_OF_LANE},
        {10059, 404, FAILURE_NO_STREAM, FAILURE_OF_LANE},
        {10039, 503, FAILURE_NO_STREAM, FAILURE_OF_LANE},
        {10008, 503, FAILURE_AWAY, FAILURE_OF_LANE},
        {10118, 500, FAILURE_AWAY, FAILURE_OF_LANE},
        {10060, 400, FAILURE_WRONG_STREAM, FAILURE_OF_CONFIG},
        {10109, 400, FAILURE_SEALED, FAILURE_OF_CONFIG},
        {10054, 400, FAILURE_TOO_LARGE, FAILURE_OF_ROW},
        {10097, 400, FAILURE_TOO_LARGE, FAILURE_OF_ROW},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        FailureCause cause = failure_from_code(cases[i].err_code, cases[i].http_code);

        assert_int_equal(cause, cases[i].cause);
        assert_int_equal(failure_class(cause), cases[i].class);
    }
}

TEST(a_code_of_a_later_server_is_judged_by_its_class_of_http_code)
{
    assert_int_equal(failure_from_code(20000, 429), FAILURE_BUSY);
    assert_int_equal(failure_from_code(20000, 503), FAILURE_AWAY);
    assert_int_equal(failure_from_code(20000, 400), FAILURE_UNKNOWN);
    assert_int_equal(failure_from_code(0, 0), FAILURE_UNKNOWN);
}

TEST(every_cause_has_a_word_and_a_sentence)
{
    for (int cause = FAILURE_NO_STREAM; cause <= FAILURE_UNKNOWN; cause++) {
        assert_true(strlen(failure_word((FailureCause)cause)) > 0);
        assert_true(strlen(failure_text((FailureCause)cause)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_has_its_class),
        cmocka_unit_test(a_code_of_a_later_server_is_judged_by_its_class_of_http_code),
        cmocka_unit_test(every_cause_has_a_word_and_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

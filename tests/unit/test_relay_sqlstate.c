#include "postgres.h"
#include "postgres_error.h"
#include "unit.h"

TEST(a_sqlstate_says_what_happens_next)
{
    static const struct {
        const char *state;
        ErrorKind kind;
    } cases[] = {
        {"57P01", ERROR_BUSY},      /* terminated by an administrator  */
        {"57P03", ERROR_BUSY},      /* starting up                     */
        {"25006", ERROR_BUSY},      /* read-only: a standby by now     */
        {"40001", ERROR_BUSY},      /* serialization                   */
        {"40P01", ERROR_BUSY},      /* deadlock                        */
        {"53300", ERROR_BUSY},      /* too many connections            */
        {"55P03", ERROR_BUSY},      /* lock not available              */
        {"08006", ERROR_BUSY},      /* connection failure              */
        {"28P01", ERROR_DENIED},    /* wrong password                  */
        {"42501", ERROR_DENIED},    /* missing right                   */
        {"3D000", ERROR_NOT_FOUND}, /* no such database                */
        {"42P01", ERROR_INVALID},   /* no such table                   */
        {"42703", ERROR_INVALID},   /* no such column                  */
        {"23505", ERROR_BUG},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(postgres_error_kind(cases[i].state), cases[i].kind);
}

TEST(a_bad_connection_string_is_refused_without_showing_it)
{
    Postgres *postgres = NULL;
    Error error = {0};

    assert_int_equal(postgres_new("host=x password=secret bogus", NULL, &postgres, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_null(strstr(error.text, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sqlstate_says_what_happens_next),
        cmocka_unit_test(a_bad_connection_string_is_refused_without_showing_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

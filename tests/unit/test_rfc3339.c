#include "rfc3339.h"
#include "unit.h"

TEST(times_are_milliseconds_since_1970)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-23T12:00:00Z", INT64_C(1795435200000)},
        {"2026-11-23t12:00:00z", INT64_C(1795435200000)},
        {"2026-11-23 12:00:00Z", INT64_C(1795435200000)},
        {"2026-11-23T13:30:00+01:30", INT64_C(1795435200000)},
        {"2026-11-23T11:59:00-00:01", INT64_C(1795435200000)},
        {"2026-11-23T12:00:00.5Z", INT64_C(1795435200500)},
        {"2026-11-23T12:00:00.123456789Z", INT64_C(1795435200123)},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800000)},
        {"2000-02-29T23:59:60Z", INT64_C(951868800000)},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799000)},
        {"1970-01-01T00:00:00+01:00", 0}, /* nothing is before it */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t ms = -1;

        assert_true(rfc3339_parse(cases[i].text, &ms));
        assert_int_equal(ms, cases[i].want);
    }
}

TEST(anything_else_is_no_time)
{
    static const char *const cases[] = {
        "",
        "now",
        "2026-11-23",
        "2026-11-23T12:00:00",
        "2026-11-23T12:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-11-00T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T12:60:00Z",
        "2026-11-23T12:00:61Z",
        "2026-11-23T12:00:00.Z",
        "2026-11-23T12:00:00+1:00",
        "2026-11-23T12:00:00+24:00",
        "2026-11-23T12:00:00+01:60",
        "2026-11-23T12:00:00Z ",
        " 2026-11-23T12:00:00Z",
        "+2026-11-23T12:00:00Z",
        "1969-12-31T23:59:59Z",
        "26-11-23T12:00:00Z",
        "2026-11-23T12:00:00ZZ",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t ms = -1;

        assert_false(rfc3339_parse(cases[i], &ms));
        assert_int_equal(ms, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_milliseconds_since_1970),
        cmocka_unit_test(anything_else_is_no_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

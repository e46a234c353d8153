#include "quantise.h"
#include "unit.h"

TEST(counts_have_three_digits)
{
    static const struct {
        int64_t count;
        int64_t want;
    } cases[] = {
        {0, 0},         {1, 1},           {999, 999},         {1000, 1000},
        {1001, 1000},   {1009, 1000},     {1010, 1010},       {9999, 9990},
        {12345, 12300}, {999999, 999000}, {1234567, 1230000}, {INT64_MAX, 9220000000000000000},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(quantise_count(cases[i].count), cases[i].want);
}

TEST(ages_have_two_digits)
{
    static const struct {
        int64_t seconds;
        int64_t want;
    } cases[] = {
        {0, 0}, {99, 99}, {100, 100}, {109, 100}, {119, 110}, {1999, 1900}, {86399, 86000},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(quantise_seconds(cases[i].seconds), cases[i].want);
}

TEST(a_number_that_makes_no_sense_stays_as_it_is)
{
    assert_int_equal(quantise_count(-5), -5);
    assert_int_equal(quantise_seconds(-5), -5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_have_three_digits),
        cmocka_unit_test(ages_have_two_digits),
        cmocka_unit_test(a_number_that_makes_no_sense_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

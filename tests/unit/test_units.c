#include "unit.h"
#include "units.h"

static const int64_t ms = INT64_C(1000000);
static const int64_t second = INT64_C(1000000000);
static const int64_t hour = INT64_C(3600000000000);

#define NOT_A_DURATION(text)                                                                       \
    "'" text "' is not a duration: want up to four numbers of at most five digits, each with h, "  \
    "m, s or ms, as in 1h30m"

TEST(durations_are_sums_of_their_parts)
{
    const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"0s", 0},
        {"0ms", 0},
        {"1ms", ms},
        {"250ms", 250 * ms},
        {"5s", 5 * second},
        {"2m", 120 * second},
        {"1h30m", hour + 1800 * second},
        {"1h1m1s1ms", hour + 61 * second + ms},
        {"30m1h", hour + 1800 * second},
        {"1m1m", 120 * second},
        {"00001h", hour},
        {"720h", 720 * hour},
        {"99999h", 99999 * hour},
        {"99999h99999h99999h99999h", INT64_C(399996) * hour},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t ns = -1;
        Error error;

        assert_int_equal(duration_parse(cases[i].text, &ns, &error), 0);
        assert_int_equal(ns, cases[i].want);
    }
}

TEST(what_is_no_duration_is_refused_with_an_example)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"", NOT_A_DURATION("")},
        {"5", NOT_A_DURATION("5")},
        {"s", NOT_A_DURATION("s")},
        {"-1s", NOT_A_DURATION("-1s")},
        {"+1s", NOT_A_DURATION("+1s")},
        {"1 s", NOT_A_DURATION("1 s")},
        {" 1s", NOT_A_DURATION(" 1s")},
        {"1s ", NOT_A_DURATION("1s ")},
        {"1.5s", NOT_A_DURATION("1.5s")},
        {"1d", NOT_A_DURATION("1d")},
        {"1us", NOT_A_DURATION("1us")},
        {"1ns", NOT_A_DURATION("1ns")},
        {"1S", NOT_A_DURATION("1S")},
        {"1hm", NOT_A_DURATION("1hm")},
        {"1sm", NOT_A_DURATION("1sm")},
        {"1mss", NOT_A_DURATION("1mss")},
        {"1h30", NOT_A_DURATION("1h30")},
        {"123456s", NOT_A_DURATION("123456s")},
        {"1h1m1s1ms1ms", NOT_A_DURATION("1h1m1s1ms1ms")},
        {"99999999999999999999h", NOT_A_DURATION("99999999999999999999h")},
        {"1h\n", NOT_A_DURATION("1h\n")},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t ns = -1;
        Error error;

        assert_int_equal(duration_parse(cases[i].text, &ns, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].want);
        assert_int_equal(ns, -1);
    }
}

TEST(durations_are_written_in_falling_units)
{
    const struct {
        int64_t ns;
        const char *want;
    } cases[] = {
        {0, "0s"},
        {1, "0s"},
        {ms - 1, "0s"},
        {ms, "1ms"},
        {999 * ms, "999ms"},
        {second, "1s"},
        {59 * second, "59s"},
        {60 * second, "1m"},
        {90 * second, "1m30s"},
        {hour, "1h"},
        {hour + ms, "1h1ms"},
        {25 * hour + 61 * second + 5 * ms, "25h1m1s5ms"},
        {720 * hour, "720h"},
        {INT64_MAX, "2562047h47m16s854ms"},
    };
    char text[DURATION_TEXT_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        duration_format(cases[i].ns, text);
        assert_string_equal(text, cases[i].want);
    }
}

TEST(a_duration_that_was_written_reads_the_same)
{
    const int64_t steps[] = {ms, 7 * ms, 999 * ms, second, 61 * second, 3599 * second, hour};

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        for (int64_t times = 0; times < 2000; times++) {
            char text[DURATION_TEXT_SIZE];
            int64_t back = -1;
            Error error;

            duration_format(times * steps[i], text);
            assert_int_equal(duration_parse(text, &back, &error), 0);
            assert_int_equal(back, times * steps[i]);
        }
    }
}

TEST(quantities_are_whole_numbers_of_bytes)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"0", 0},
        {"512", 512},
        {"007", 7},
        {"1k", 1000},
        {"1M", 1000000},
        {"1G", INT64_C(1000000000)},
        {"1T", INT64_C(1000000000000)},
        {"9P", INT64_C(9000000000000000)},
        {"1Ki", 1024},
        {"64Mi", INT64_C(64) << 20},
        {"10Gi", INT64_C(10) << 30},
        {"1Ti", INT64_C(1) << 40},
        {"8Pi", INT64_C(1) << 53},
        {"1.5k", 1500},
        {"1.0", 1},
        {"0.5Ki", 512},
        {"1.125Ki", 1152},
        {"2.500Gi", INT64_C(2684354560)},
        {"999999999999999", INT64_C(999999999999999)},
        {"9007199254740.992k", INT64_C(1) << 53},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t bytes = -1;
        Error error;

        assert_int_equal(quantity_parse(cases[i].text, &bytes, &error), 0);
        assert_int_equal(bytes, cases[i].want);
    }
}

#define NOT_A_QUANTITY(text)                                                                       \
    "'" text "' is not a quantity: want a number, or one with Ki, Mi, Gi, Ti, Pi, k, M, G, T or "  \
    "P after it, as in 10Gi"
#define TOO_LARGE(text) "'" text "' is over the largest quantity, 8Pi"
#define NOT_WHOLE(text) "'" text "' is not a whole number of bytes"

TEST(what_is_no_quantity_is_refused_with_the_reason)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"", NOT_A_QUANTITY("")},
        {"Gi", NOT_A_QUANTITY("Gi")},
        {"-1", NOT_A_QUANTITY("-1")},
        {"+1", NOT_A_QUANTITY("+1")},
        {"1 Gi", NOT_A_QUANTITY("1 Gi")},
        {"1Gi ", NOT_A_QUANTITY("1Gi ")},
        {"1gi", NOT_A_QUANTITY("1gi")},
        {"1KB", NOT_A_QUANTITY("1KB")},
        {"1K", NOT_A_QUANTITY("1K")},
        {"100m", NOT_A_QUANTITY("100m")},
        {"1e3", NOT_A_QUANTITY("1e3")},
        {"1Ei", NOT_A_QUANTITY("1Ei")},
        {".5Gi", NOT_A_QUANTITY(".5Gi")},
        {"1.Gi", NOT_A_QUANTITY("1.Gi")},
        {"1.2345Gi", NOT_A_QUANTITY("1.2345Gi")},
        {"1.2.3", NOT_A_QUANTITY("1.2.3")},
        {"0x10", NOT_A_QUANTITY("0x10")},
        {"1000000000000000", NOT_A_QUANTITY("1000000000000000")},
        {"99999999999999999999999", NOT_A_QUANTITY("99999999999999999999999")},
        {"8.001Pi", TOO_LARGE("8.001Pi")},
        {"9Pi", TOO_LARGE("9Pi")},
        {"9.008P", TOO_LARGE("9.008P")},
        {"9007199254740.993k", TOO_LARGE("9007199254740.993k")},
        {"999999999999999Pi", TOO_LARGE("999999999999999Pi")},
        {"1.5", NOT_WHOLE("1.5")},
        {"0.001Ki", NOT_WHOLE("0.001Ki")},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t bytes = -1;
        Error error;

        assert_int_equal(quantity_parse(cases[i].text, &bytes, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].want);
        assert_int_equal(bytes, -1);
    }
}

TEST(counts_lie_between_their_bounds)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {{"1", 1}, {"10", 10}, {"0010", 10}, {"5", 5}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t count = -1;
        Error error;

        assert_int_equal(count_parse(cases[i].text, 1, 10, &count, &error), 0);
        assert_int_equal(count, cases[i].want);
    }
}

TEST(what_is_no_count_is_refused_with_the_bounds)
{
    static const char *const texts[] = {"",    "0",   "11", "-1", "+1",  "1.0",
                                        "1 ",  " 1",  "1x", "x",  "0x1", "99999999999999999999",
                                        "1e1", "1\n", "ten"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        int64_t count = -1;
        char want[128];
        Error error;

        (void)snprintf(want, sizeof want, "'%s' is not a whole number from 1 to 10", texts[i]);
        assert_int_equal(count_parse(texts[i], 1, 10, &count, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, want);
        assert_int_equal(count, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_sums_of_their_parts),
        cmocka_unit_test(what_is_no_duration_is_refused_with_an_example),
        cmocka_unit_test(durations_are_written_in_falling_units),
        cmocka_unit_test(a_duration_that_was_written_reads_the_same),
        cmocka_unit_test(quantities_are_whole_numbers_of_bytes),
        cmocka_unit_test(what_is_no_quantity_is_refused_with_the_reason),
        cmocka_unit_test(counts_lie_between_their_bounds),
        cmocka_unit_test(what_is_no_count_is_refused_with_the_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "json.h"
#include "unit.h"

static cJSON *parsed(const char *text)
{
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &json, &error), 0);
    return json;
}

TEST(a_value_is_read_by_its_path)
{
    DEFER(defer_json) cJSON *json = parsed("{\"a\":{\"b\":{\"c\":7,\"t\":\"x\",\"f\":true}}}");

    assert_int_equal(json_int(json, "a.b.c", 0), 7);
    assert_string_equal(json_text(json, "a.b.t", ""), "x");
    assert_true(json_bool(json, "a.b.f", false));
    assert_ptr_equal(json_at(json, ""), json);
}

TEST(what_is_missing_or_of_another_type_reads_as_the_fallback)
{
    static const char *const paths[] = {"x", "a.x", "a.b.x", "a.b.x.y", "a.o", "a.l", "a.n"};
    DEFER(defer_json) cJSON *json = parsed("{\"a\":{\"b\":1,\"o\":{},\"l\":[1],\"n\":null}}");

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        assert_string_equal(json_text(json, paths[i], "none"), "none");
        assert_int_equal(json_int(json, paths[i], -3), -3);
        assert_true(json_bool(json, paths[i], true));
    }
    assert_string_equal(json_text(json, "a.b", "none"), "none");
    assert_false(json_bool(json, "a.b", false));
    assert_null(json_at(NULL, "a"));
    assert_int_equal(json_int(NULL, "a", 4), 4);
}

TEST(names_keep_their_case)
{
    DEFER(defer_json) cJSON *json = parsed("{\"Name\":1}");

    assert_int_equal(json_int(json, "name", 0), 0);
    assert_int_equal(json_int(json, "Name", 0), 1);
}

TEST(a_key_with_dots_is_no_path)
{
    DEFER(defer_json) cJSON *json = parsed("{\"a.b\":1}");

    assert_null(json_at(json, "a.b"));
}

/* 30 days in nanoseconds, which cJSON alone would print as 2.592e+15. */
TEST(integers_are_written_with_every_digit)
{
    static const struct {
        int64_t number;
        const char *want;
    } cases[] = {
        {0, "{\"n\":0}"},
        {-1, "{\"n\":-1}"},
        {INT64_C(2147483648), "{\"n\":2147483648}"},
        {INT64_C(2592000000000000), "{\"n\":2592000000000000}"},
        {INT64_C(9007199254740993), "{\"n\":9007199254740993}"},
        {INT64_MAX, "{\"n\":9223372036854775807}"},
        {INT64_MIN, "{\"n\":-9223372036854775808}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *json = cJSON_CreateObject();

        json_set_int(json, "n", cases[i].number);
        DEFER(defer_free) char *text = json_print(json);
        assert_string_equal(text, cases[i].want);
        assert_int_equal(json_int(json, "n", 0), cases[i].number);
    }
}

TEST(integers_are_read_as_exactly_as_a_double_can)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"0", 0},
        {"-5", -5},
        {"2592000000000000", INT64_C(2592000000000000)},
        {"2.592e+15", INT64_C(2592000000000000)},
        {"9007199254740991", INT64_C(9007199254740991)},
        {"31536000000000000", INT64_C(31536000000000000)},   /* a year in nanoseconds */
        {"359996400000000000", INT64_C(359996400000000000)}, /* 99999h */
        {"9223372036854775807", INT64_MAX},
        {"18446744073709551615", INT64_MAX},
        {"1e300", INT64_MAX},
        {"1e999", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"-1e300", INT64_MIN},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *json = parsed(cases[i].text);

        assert_int_equal(json_int(json, "", 1), cases[i].want);
    }
}

TEST(a_fraction_is_no_integer)
{
    DEFER(defer_json) cJSON *json = parsed("1.5");

    assert_int_equal(json_int(json, "", -1), -1);
}

TEST(setting_a_member_replaces_it)
{
    DEFER(defer_json) cJSON *json = parsed("{\"a\":1,\"b\":2}");

    json_set_text(json, "a", "one");
    json_set_bool(json, "b", false);
    json_set(json, "c", cJSON_CreateArray());
    assert_int_equal(cJSON_GetArraySize(json), 3);
    assert_string_equal(json_text(json, "a", ""), "one");
    assert_false(json_bool(json, "b", true));
}

TEST(text_is_written_so_that_it_reads_the_same)
{
    char hostile[256];
    DEFER(defer_json) cJSON *json = cJSON_CreateObject();

    for (int c = 1; c < 256; c++)
        hostile[c - 1] = (char)c;
    hostile[255] = '\0';
    json_set_text(json, "t", hostile);
    DEFER(defer_free) char *text = json_print(json);
    DEFER(defer_json) cJSON *back = parsed(text);
    assert_string_equal(json_text(back, "t", ""), hostile);
    assert_null(strchr(text, '\n'));
}

TEST(what_is_not_json_is_refused)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"", "not JSON"},
        {" ", "not JSON"},
        {"{", "not JSON"},
        {"}", "not JSON"},
        {"[1,]", "not JSON"},
        {"{\"a\"}", "not JSON"},
        {"{a:1}", "not JSON"},
        {"\"open", "not JSON"},
        {"nul", "not JSON"},
        {"'a'", "not JSON"},
        {"\"\\u12\"", "not JSON"},
        {"\"\\ud800\"", "not JSON"},
        {"{} {}", "text after the JSON value"},
        {"1 2", "text after the JSON value"},
        {"[]]", "text after the JSON value"},
        {"nullx", "text after the JSON value"},
        {"{}\v", "text after the JSON value"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cJSON *json = NULL;
        Error error;

        assert_int_equal(json_parse(cases[i].text, strlen(cases[i].text), &json, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].want);
        assert_null(json);
    }
}

TEST(white_space_around_a_value_is_fine)
{
    DEFER(defer_json) cJSON *json = parsed(" \t\r\n[ 1 ]\r\n\t ");

    assert_int_equal(cJSON_GetArraySize(json), 1);
}

TEST(a_nul_byte_ends_no_text)
{
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse("{}\0{}", 5, &json, &error), -1);
    assert_int_equal(json_parse("{}\0", 3, &json, &error), -1);
    assert_string_equal(error.text, "text after the JSON value");
}

TEST(no_more_than_the_given_bytes_are_read)
{
    DEFER(defer_json) cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse("12345", 2, &json, &error), 0);
    assert_int_equal(json_int(json, "", 0), 12);
}

/* DEPTH brackets that open and, if CLOSED, close. The caller frees it. */
static char *brackets(size_t depth, bool closed)
{
    char *text = test_calloc(2 * depth + 1, 1);

    memset(text, '[', depth);
    if (closed)
        memset(text + depth, ']', depth);
    return text;
}

TEST(a_value_may_nest_a_hundred_deep_and_no_deeper)
{
    char *deepest = brackets(100, true);
    char *deeper = brackets(101, true);
    char *bomb = brackets(1000000, false);
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(deepest, strlen(deepest), &json, &error), 0);
    cJSON_Delete(json);
    assert_int_equal(json_parse(deeper, strlen(deeper), &json, &error), -1);
    assert_int_equal(json_parse(bomb, strlen(bomb), &json, &error), -1);
    assert_string_equal(error.text, "JSON nests deeper than 100 levels");
    test_free(deepest);
    test_free(deeper);
    test_free(bomb);
}

TEST(brackets_inside_a_text_are_no_depth)
{
    char *open = brackets(200, false);
    char text[256];

    (void)snprintf(text, sizeof text, "[\"\\\"%s\"]", open);
    test_free(open);
    DEFER(defer_json) cJSON *json = parsed(text);
    assert_int_equal(cJSON_GetArraySize(json), 1);
}

TEST(values_are_compared_by_what_they_say)
{
    static const struct {
        const char *a;
        const char *b;
        bool want;
    } cases[] = {
        {"{\"a\":1,\"b\":[1,2]}", "{ \"b\":[1,2], \"a\":1 }", true},
        {"[1,2]", "[2,1]", false},
        {"[1,2]", "[1,2,3]", false},
        {"[]", "{}", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1}", "{\"A\":1}", false},
        {"{\"a\":1}", "{\"b\":1}", false},
        {"{\"a\":null}", "{}", false},
        {"1", "1.0", true},
        {"1", "\"1\"", false},
        {"1", "true", false},
        {"true", "false", false},
        {"null", "null", true},
        {"\"a\"", "\"A\"", false},
        {"9007199254740992", "9007199254740994", false},
        {"0.1", "0.2", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *a = parsed(cases[i].a);
        DEFER(defer_json) cJSON *b = parsed(cases[i].b);

        assert_int_equal(json_equal(a, b), cases[i].want);
        assert_int_equal(json_equal(b, a), cases[i].want);
        assert_true(json_equal(a, a));
    }
}

TEST(null_equals_null_alone)
{
    DEFER(defer_json) cJSON *json = parsed("null");

    assert_true(json_equal(NULL, NULL));
    assert_false(json_equal(json, NULL));
    assert_false(json_equal(NULL, json));
}

TEST(an_integer_equals_what_is_read_back_of_it)
{
    static const int64_t numbers[] = {
        0, -7, INT64_C(2592000000000000), INT64_C(9007199254740993), INT64_MAX, INT64_MIN};

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        DEFER(defer_json) cJSON *set = cJSON_CreateArray();

        (void)cJSON_AddItemToArray(set, json_new_int(numbers[i]));
        DEFER(defer_free) char *text = json_print(set);
        DEFER(defer_json) cJSON *back = parsed(text);
        assert_true(json_equal(set, back));
        assert_true(json_equal(back, set));
    }
}

TEST(integers_that_were_parsed_are_written_with_all_their_digits)
{
    static const char text[] =
        "{\"a\":2592000000000000,\"b\":[1,1.5,-7000000000000000],\"c\":\"9\"}";
    DEFER(defer_json) cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &json, &error), 0);
    json_set_integers(json);
    DEFER(defer_free) char *printed = json_print(json);
    assert_string_equal(printed, text);
}

TEST(integers_that_were_set_differ_by_one_digit)
{
    DEFER(defer_json) cJSON *a = json_new_int(INT64_MAX);
    DEFER(defer_json) cJSON *b = json_new_int(INT64_MAX - 1);
    DEFER(defer_json) cJSON *half = parsed("1.5");
    DEFER(defer_json) cJSON *one = json_new_int(1);

    assert_false(json_equal(a, b));
    assert_false(json_equal(one, half));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_read_by_its_path),
        cmocka_unit_test(what_is_missing_or_of_another_type_reads_as_the_fallback),
        cmocka_unit_test(names_keep_their_case),
        cmocka_unit_test(a_key_with_dots_is_no_path),
        cmocka_unit_test(integers_are_written_with_every_digit),
        cmocka_unit_test(integers_are_read_as_exactly_as_a_double_can),
        cmocka_unit_test(a_fraction_is_no_integer),
        cmocka_unit_test(setting_a_member_replaces_it),
        cmocka_unit_test(text_is_written_so_that_it_reads_the_same),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(white_space_around_a_value_is_fine),
        cmocka_unit_test(a_nul_byte_ends_no_text),
        cmocka_unit_test(no_more_than_the_given_bytes_are_read),
        cmocka_unit_test(a_value_may_nest_a_hundred_deep_and_no_deeper),
        cmocka_unit_test(brackets_inside_a_text_are_no_depth),
        cmocka_unit_test(values_are_compared_by_what_they_say),
        cmocka_unit_test(null_equals_null_alone),
        cmocka_unit_test(an_integer_equals_what_is_read_back_of_it),
        cmocka_unit_test(integers_that_were_parsed_are_written_with_all_their_digits),
        cmocka_unit_test(integers_that_were_set_differ_by_one_digit),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

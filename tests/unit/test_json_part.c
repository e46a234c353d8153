#include "alloc.h"
#include "json_part.h"
#include "text.h"
#include "unit.h"

static JsonPart part_of(const char *text)
{
    return (JsonPart){.text = text, .length = strlen(text)};
}

/* The tree of what is wanted ("a" and "b"), and the text of "c". */
static char *read_object(const char *text)
{
    static const JsonMembers wanted = {.small = {"a", "b"}, .large = "c"};
    DEFER(defer_json) cJSON *tree = NULL;
    JsonPart large;
    Error error;

    if (json_part_object(part_of(text), &wanted, &tree, &large, &error) < 0)
        return xasprintf("error: %s", error.text);
    DEFER(defer_free) char *json = json_print(tree);
    if (large.text == NULL)
        return xstrdup(json);
    return xasprintf("%s and %.*s", json, (int)large.length, large.text);
}

typedef struct Case {
    const char *text;
    const char *want;
} Case;

static void each_case_reads(const Case *cases, size_t count, char *(*read)(const char *text))
{
    for (size_t i = 0; i < count; i++) {
        DEFER(defer_free) char *result = read(cases[i].text);

        if (!text_eq(result, cases[i].want))
            fail_msg("%s: reads as [%s], not as [%s]", cases[i].text, result, cases[i].want);
    }
}

TEST(an_object_gives_what_is_wanted_of_it)
{
    static const Case cases[] = {
        {"{}", "{}"},
        {" { } ", "{}"},
        {"{\"a\":1,\"c\":[1,2],\"b\":\"x\"}", "{\"a\":1,\"b\":\"x\"} and [1,2]"},
        {"\n{ \"c\" :\t{\"a\": 2} , \"a\" : null }\r\n", "{\"a\":null} and {\"a\": 2}"},
        {"{\"c\":7}", "{} and 7"},
        {"{\"c\":\"}\\\"]\\\\\",\"a\":\"\\u00e9,\"}", "{\"a\":\"\xc3\xa9,\"} and \"}\\\"]\\\\\""},
        {"{\"x\":{\"a\":1,\"c\":2},\"ab\":3,\"\":4,\"a\":{\"c\":5}}", "{\"a\":{\"c\":5}}"},
        {"{\"x\":\"\\\\\",\"y\":[\"]\",{\"}\":[]}],\"b\":-1.5e3}", "{\"b\":-1500}"},
    };

    each_case_reads(cases, ARRAY_SIZE(cases), read_object);
}

TEST(what_is_no_whole_object_is_refused)
{
    static const Case cases[] = {
        {"", "error: not a JSON object"},
        {"  ", "error: not a JSON object"},
        {"null", "error: not a JSON object"},
        {"[1]", "error: not a JSON object"},
        {"{", "error: not JSON"},
        {"{\"a\"", "error: not JSON"},
        {"{\"a\":", "error: not JSON"},
        {"{\"a\":1", "error: not JSON"},
        {"{\"a\":1,", "error: not JSON"},
        {"{\"a\":1,}", "error: not JSON"},
        {"{,}", "error: not JSON"},
        {"{\"a\" 1}", "error: not JSON"},
        {"{\"a\":1 \"b\":2}", "error: not JSON"},
        {"{\"a\":,\"b\":2}", "error: not JSON"},
        {"{a:1}", "error: not JSON"},
        {"{1:1}", "error: not JSON"},
        {"{\"x\":\"}", "error: not JSON"},
        {"{\"x\":\"\\", "error: not JSON"},
        {"{\"x\":[1,{\"y\":2]}}", "error: not JSON"},
        {"{\"x\":[[]", "error: not JSON"},
        {"{\"a\":1]", "error: not JSON"},
        {"{\"a\":nul}", "error: 'a': not JSON"},
        {"{\"b\":[1,]}", "error: 'b': not JSON"},
        {"{} {}", "error: text after the JSON value"},
    };

    each_case_reads(cases, ARRAY_SIZE(cases), read_object);
}

static int add_element(void *context, JsonPart element, Error *reterr)
{
    Text *text = context;

    if (element.length == strlen("stop") && memcmp(element.text, "stop", element.length) == 0)
        return error_set(reterr, ERROR_LIMIT, "enough");
    text_addf(text, "<%.*s>", (int)element.length, element.text);
    return 0;
}

static char *read_elements(const char *text)
{
    DEFER(text_done) Text elements = TEXT_MAX(1024);
    Error error;

    if (json_part_each(part_of(text), add_element, &elements, &error) < 0)
        text_addf(&elements, "error: %s", error.text);
    return xstrdup(text_get(&elements));
}

TEST(an_array_gives_its_elements_in_their_order)
{
    static const Case cases[] = {
        {"[]", ""},
        {" null ", ""},
        {" [ ] ", ""},
        {"[1]", "<1>"},
        {"[ 1 , \"a,]\" ,[2,[3]],{\"b\":[4]} , null]", "<1><\"a,]\"><[2,[3]]><{\"b\":[4]}><null>"},
    };

    each_case_reads(cases, ARRAY_SIZE(cases), read_elements);
}

TEST(a_broken_array_ends_where_it_is_broken)
{
    static const Case cases[] = {
        {"", "error: not a JSON array"},
        {"{}", "error: not a JSON array"},
        {"7", "error: not a JSON array"},
        {"nul", "error: not a JSON array"},
        {"null,", "error: text after the JSON value"},
        {"[", "error: not JSON"},
        {"[1", "<1>error: not JSON"},
        {"[1,", "<1>error: not JSON"},
        {"[1,]", "<1>error: not JSON"},
        {"[,1]", "error: not JSON"},
        {"[1 2]", "<1>error: not JSON"},
        {"[1}", "<1>error: not JSON"},
        {"[[1}]", "error: not JSON"},
        {"[\"a]", "error: not JSON"},
        {"[1,stop,2]", "<1>error: enough"},
        {"[1]]", "<1>error: text after the JSON value"},
    };

    each_case_reads(cases, ARRAY_SIZE(cases), read_elements);
}

TEST(what_is_not_there_has_no_elements)
{
    Error error;

    assert_int_equal(json_part_each((JsonPart){0}, add_element, NULL, &error), 0);
}

/* DEPTH arrays in one another, as the only element of one more. */
static char *nested(int depth)
{
    DEFER(text_done) Text text = TEXT_MAX(1024);

    text_add(&text, "[");
    for (int i = 0; i < depth; i++)
        text_add(&text, "[");
    for (int i = 0; i < depth; i++)
        text_add(&text, "]");
    text_add(&text, "]");
    return text_take(&text);
}

TEST(a_value_nests_100_levels_deep_and_no_deeper)
{
    DEFER(defer_free) char *deep = nested(100);
    DEFER(defer_free) char *deeper = nested(101);
    DEFER(defer_free) char *result = read_elements(deep);
    DEFER(defer_free) char *refused = read_elements(deeper);

    assert_int_equal(strlen(result), strlen(deep));
    assert_string_equal(refused, "error: JSON nests deeper than 100 levels");
}

TEST(a_small_member_of_more_than_a_megabyte_is_refused)
{
    const int megabyte = 1 << 20;
    DEFER(defer_free) char *fits = xasprintf("{\"a\":\"%0*d\"}", megabyte - 2, 0);
    DEFER(defer_free) char *does_not = xasprintf("{\"a\":\"%0*d\"}", megabyte - 1, 0);
    DEFER(defer_free) char *result = read_object(fits);
    DEFER(defer_free) char *refused = read_object(does_not);

    assert_string_equal(result, fits);
    assert_string_equal(refused, "error: 'a' has more than 1048576 bytes");
}

/* A sanitizer watches the end of the text. */
TEST(a_text_that_is_cut_anywhere_is_refused)
{
    static const char whole[] = "{\"x\":[{\"y\":\"\\\"\"}],\"a\":\"\\u0041\",\"c\":[1,{\"d\":2}]}";

    for (size_t length = 0; length < strlen(whole); length++) {
        DEFER(defer_free) char *cut = xmalloc(length + 1);
        static const JsonMembers wanted = {.small = {"a"}, .large = "c"};
        DEFER(defer_json) cJSON *tree = NULL;
        JsonPart large;
        Error error;

        memcpy(cut + 1, whole, length);
        assert_int_equal(json_part_object((JsonPart){.text = cut + 1, .length = length}, &wanted,
                                          &tree, &large, &error),
                         -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_gives_what_is_wanted_of_it),
        cmocka_unit_test(what_is_no_whole_object_is_refused),
        cmocka_unit_test(an_array_gives_its_elements_in_their_order),
        cmocka_unit_test(a_broken_array_ends_where_it_is_broken),
        cmocka_unit_test(what_is_not_there_has_no_elements),
        cmocka_unit_test(a_value_nests_100_levels_deep_and_no_deeper),
        cmocka_unit_test(a_small_member_of_more_than_a_megabyte_is_refused),
        cmocka_unit_test(a_text_that_is_cut_anywhere_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "alloc.h"
#include "text.h"
#include "unit.h"
#include "yaml.h"

static void expect_json(const char *yaml, const char *want)
{
    Error error = {0};
    cJSON *documents = NULL;

    if (yaml_parse(yaml, strlen(yaml), &documents, &error) < 0)
        fail_msg("'%s': %s", yaml, error.text);
    char *got = json_print(documents);
    assert_string_equal(got, want);
    free(got);
    cJSON_Delete(documents);
}

static void expect_error(const char *yaml, size_t length, const char *want)
{
    Error error = {0};
    cJSON *documents = NULL;

    assert_int_equal(yaml_parse(yaml, length, &documents, &error), -1);
    assert_null(documents);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_string_equal(error.text, want);
}

/* The right column is what kubectl 1.36 makes of the left one. */
TEST(plain_scalars_have_the_type_that_kubernetes_gives_them)
{
    static const char *const rows[][2] = {
        {"true", "true"},
        {"True", "true"},
        {"yes", "true"},
        {"on", "true"},
        {"false", "false"},
        {"Off", "false"},
        {"no", "false"},
        {"~", "null"},
        {"null", "null"},
        {"NULL", "null"},
        {"nULL", "\"nULL\""},
        {"0", "0"},
        {"-7", "-7"},
        {"+7", "7"},
        {"0x1F", "31"},
        {"-0x1f", "-31"},
        {"0X1F", "31"},
        {"0b101", "5"},
        {"0o17", "15"},
        {"017", "15"},
        {"08", "8"},
        {"089", "89"},
        {"1_000", "1000"},
        {"2592000000000000", "2592000000000000"},
        {"9007199254740993", "9007199254740993"},
        {"9223372036854775807", "9223372036854775807"},
        {"1.5", "1.5"},
        {"-.5", "-0.5"},
        {"1.", "1"},
        {"1e3", "1000"},
        {"1.5e-3", "0.0015"},
        {"1.2.3", "\"1.2.3\""},
        {"1h30m", "\"1h30m\""},
        {"10Gi", "\"10Gi\""},
        {"0x", "\"0x\""},
        {"0xzz", "\"0xzz\""},
        {"- -1", "[-1]"},
        {"--1", "\"--1\""},
        {"+", "\"+\""},
        {".", "\".\""},
        {"e3", "\"e3\""},
        {"nan", "\"nan\""},
        {"infinity", "\"infinity\""},
        {"0x1p3", "\"0x1p3\""},
        {"2026-11-23", "\"2026-11-23\""},
        {"12:30:45", "\"12:30:45\""},
        {"a b", "\"a b\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char want[128];

        (void)snprintf(want, sizeof want, "[%s]", rows[i][1]);
        expect_json(rows[i][0], want);
    }
}

TEST(what_is_quoted_or_tagged_is_a_string)
{
    expect_json("'true'", "[\"true\"]");
    expect_json("\"1\"", "[\"1\"]");
    expect_json("!!str 1", "[\"1\"]");
    expect_json("! yes", "[\"yes\"]");
    expect_json("|\n  1\n", "[\"1\\n\"]");
    expect_json(">-\n  null\n", "[\"null\"]");
    expect_json("''", "[\"\"]");
    expect_json("\"\\u00e4\\n\"", "[\"\xc3\xa4\\n\"]");
}

TEST(containers_nest_in_both_styles)
{
    expect_json("a:\n- b: 1\n  c: [x, {y: z}]\n- d\n",
                "[{\"a\":[{\"b\":1,\"c\":[\"x\",{\"y\":\"z\"}]},\"d\"]}]");
    expect_json("{}", "[{}]");
    expect_json("[]", "[[]]");
    expect_json("a:\nb:\n", "[{\"a\":null,\"b\":null}]");
    expect_json("1: x\ntrue: z\n", "[{\"1\":\"x\",\"true\":\"z\"}]");
    expect_json("{\"json\": [1, \"2\", null]}", "[{\"json\":[1,\"2\",null]}]");
}

TEST(documents_are_told_apart_and_empty_ones_left_out)
{
    expect_json("", "[]");
    expect_json("# nothing\n", "[]");
    expect_json("---\n---\na: 1\n---\n# only this\n---\nb: 2\n...\n", "[{\"a\":1},{\"b\":2}]");
    expect_json("a: 1\n--- !!map\nb: 2\n", "[{\"a\":1},{\"b\":2}]");
}

TEST(a_complaint_names_line_and_column)
{
    static const char *const rows[][2] = {
        {"a: [1, 2\nb: 3\n", "line 2, column 2: while parsing a flow sequence, did not find "
                             "expected ',' or ']'"},
        {"a: 1\n b: 2\n", "line 2, column 3: mapping values are not allowed in this context"},
        {"a: &x 1\nb: *x\n", "line 2, column 4: aliases ('*x') are not supported: write it out"},
        {"a: 1\nb: 2\na: 3\n", "line 3, column 1: the key 'a' stands here twice"},
        {"<<: {a: 1}\n", "line 1, column 1: merge keys ('<<') are not supported"},
        {"{a: 1}: b\n", "line 1, column 1: a key must be a plain word or a string"},
        {"a: !!int \"5\"\n", "line 1, column 4: the tag 'tag:yaml.org,2002:int' is not supported"},
        {"a: !thing {}\n", "line 1, column 4: the tag '!thing' is not supported"},
        {"a: .inf\n", "line 1, column 4: '.inf' is no number that JSON has"},
        {"a: \"x\\0y\"\n", "line 1, column 4: a NUL byte in a string"},
        {"\"x\\0y\": 1\n", "line 1, column 1: a NUL byte in a key"},
        {"a: \xff\n", "byte 3: invalid leading UTF-8 octet"},
        {"\tx: 1\n", "line 1, column 1: while scanning for the next token, found character that "
                     "cannot start any token"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect_error(rows[i][0], strlen(rows[i][0]), rows[i][1]);
}

TEST(depth_members_values_and_bytes_are_bounded)
{
    char deep[YAML_DEPTH_MAX + 2];
    DEFER(text_done) Text wide = TEXT_MAX(1 << 20);
    DEFER(text_done) Text many = TEXT_MAX(1 << 20);
    DEFER(defer_free) char *large = xmalloc(YAML_BYTES_MAX + 1);

    memset(deep, '[', sizeof deep);
    expect_error(deep, sizeof deep, "line 1, column 65: nests deeper than 64 levels");
    for (int i = 0; i <= 10000; i++)
        text_addf(&wide, "k%d: 1\n", i);
    expect_error(text_get(&wide), wide.length, "line 10001, column 1: more than 10000 members");
    text_add(&many, "[");
    for (int i = 0; i <= 200000; i++)
        text_add(&many, "1,\n");
    expect_error(text_get(&many), many.length, "line 199998, column 1: more than 200000 values");
    memset(large, ' ', YAML_BYTES_MAX + 1);
    expect_error(large, YAML_BYTES_MAX + 1, "more than 4194304 bytes of YAML");
}

TEST(one_document_is_one)
{
    Error error = {0};
    cJSON *document = NULL;

    assert_int_equal(yaml_parse_one("a: 1", 4, &document, &error), 0);
    assert_int_equal(json_int(document, "a", 0), 1);
    cJSON_Delete(document);
    assert_int_equal(yaml_parse_one("", 0, &document, &error), 0);
    assert_true(cJSON_IsObject(document) && document->child == NULL);
    cJSON_Delete(document);
    document = NULL;
    assert_int_equal(yaml_parse_one("a: 1\n---\nb: 2\n", 14, &document, &error), -1);
    assert_string_equal(error.text, "more than one document ('---')");
    assert_null(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_have_the_type_that_kubernetes_gives_them),
        cmocka_unit_test(what_is_quoted_or_tagged_is_a_string),
        cmocka_unit_test(containers_nest_in_both_styles),
        cmocka_unit_test(documents_are_told_apart_and_empty_ones_left_out),
        cmocka_unit_test(a_complaint_names_line_and_column),
        cmocka_unit_test(depth_members_values_and_bytes_are_bounded),
        cmocka_unit_test(one_document_is_one),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

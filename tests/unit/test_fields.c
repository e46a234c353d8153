#include "consumer_fields.h"
#include "field_value.h"
#include "stream_fields.h"
#include "unit.h"
#include "yaml_value.h"

enum { NEWEST = 5, REASON_MAX = 4096 };

static const FieldWord colours[] = {{"Red", "red", 0}, {"DeepBlue", "deep_blue", 2}, {0}};

static const Field rows[] = {
    {"name", "name", FIELD_TEXT, FIELD_FIXED, "", 0, 0, 5, NULL},
    {"colour", "colour", FIELD_ENUM, FIELD_LIVE, "Red", 0, 0, 0, colours},
    {"wet", "is_wet", FIELD_BOOL, FIELD_ONLY_TRUE, "false", 0, 0, 0, NULL},
    {"size.inner", "size.in", FIELD_INT, FIELD_LIVE, "-1", 0, 1, 10, NULL},
    {"pending", "pending", FIELD_INT, FIELD_LIVE, NULL, 0, -1, 10, NULL},
    {"bytes", "bytes", FIELD_QUANTITY, FIELD_LIVE, "-1", 0, 1, 1 << 20, NULL},
    {"age", "age", FIELD_DURATION, FIELD_LIVE, "0s", 0, FIELD_SECOND, FIELD_TEN_YEARS, NULL},
    {"waits", "waits", FIELD_DURATIONS, FIELD_LIVE, NULL, 0, 1, 3, NULL},
    {"tags", "tags", FIELD_TEXTS, FIELD_LIVE, NULL, 0, 0, 2, NULL},
    {"labels", "labels", FIELD_LABELS, FIELD_LIVE, NULL, 0, 0, 2, NULL},
    {"start", "start", FIELD_TIME, FIELD_FIXED, NULL, 0, 0, 0, NULL},
    {"later", "later", FIELD_TIME, FIELD_APART, NULL, 1, 0, 0, NULL},
    {"modern", "modern", FIELD_BOOL, FIELD_LIVE, "false", 4, 0, 0, NULL},
    {NULL, "spy", FIELD_ABSENT, FIELD_LIVE, NULL, 0, 0, 0, NULL},
};
static const FieldTable table = {rows, ARRAY_SIZE(rows)};

static int build(const char *spec, int64_t level, cJSON **ret_config, Error *reterr)
{
    DEFER(defer_json) cJSON *value = yaml_value(spec);

    return fields_build(&table, &(FieldInput){"spec.thing", value, level}, ret_config, reterr);
}

static void assert_built(const char *spec, int64_t level, const char *want)
{
    DEFER(defer_json) cJSON *config = NULL;
    Error error;

    if (build(spec, level, &config, &error) < 0)
        fail_msg("%s: %s", spec, error.text);
    DEFER(defer_free) char *got = json_print(config);
    assert_string_equal(got, want);
}

TEST(what_is_not_set_is_sent_as_its_default)
{
    assert_built("{}", NEWEST,
                 "{\"name\":\"\",\"colour\":\"red\",\"is_wet\":false,\"size\":{\"in\":-1},"
                 "\"bytes\":-1,\"age\":0,\"modern\":false}");
}

TEST(without_a_spec_all_is_default)
{
    DEFER(defer_json) cJSON *config = NULL;
    Error error;

    assert_int_equal(fields_build(&table, &(FieldInput){"spec", NULL, NEWEST}, &config, &error), 0);
    assert_string_equal(json_text(config, "colour", ""), "red");
}

TEST(every_type_reaches_the_api_in_its_form)
{
    assert_built("{name: abc, colour: DeepBlue, wet: true, size: {inner: 7}, pending: -1, "
                 "bytes: 1Ki, age: 2880h, waits: [1s, 2ms], tags: [b, a], labels: {k: v}, "
                 "start: '2026-01-02T15:04:05.5Z', modern: true}",
                 NEWEST,
                 "{\"name\":\"abc\",\"colour\":\"deep_blue\",\"is_wet\":true,\"size\":{\"in\":7},"
                 "\"pending\":-1,\"bytes\":1024,\"age\":10368000000000000,"
                 "\"waits\":[1000000000,2000000],\"tags\":[\"b\",\"a\"],\"labels\":{\"k\":\"v\"},"
                 "\"start\":\"2026-01-02T15:04:05.5Z\",\"modern\":true}");
}

TEST(null_is_not_set)
{
    assert_built("{bytes: null, colour: null}", 0,
                 "{\"name\":\"\",\"colour\":\"red\",\"is_wet\":false,\"size\":{\"in\":-1},"
                 "\"bytes\":-1,\"age\":0}");
}

TEST(what_an_old_server_does_not_know_is_not_sent)
{
    assert_built("{modern: false}", 3,
                 "{\"name\":\"\",\"colour\":\"red\",\"is_wet\":false,\"size\":{\"in\":-1},"
                 "\"bytes\":-1,\"age\":0}");
}

TEST(a_field_above_the_level_of_the_server_is_refused_with_the_version_it_needs)
{
    static const struct {
        const char *spec;
        int64_t level;
        const char *want;
    } cases[] = {
        {"{modern: true}", 3,
         "spec.thing.modern: needs NATS 2.14 (API level 4); the server has level 3"},
        {"{colour: DeepBlue}", 1,
         "spec.thing.colour: needs NATS 2.12 (API level 2); the server has level 1"},
        {"{later: '2026-01-02T15:04:05Z'}", 0,
         "spec.thing.later: needs NATS 2.11 (API level 1); the server has level 0"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cJSON *config = NULL;
        Error error;

        assert_int_equal(build(cases[i].spec, cases[i].level, &config, &error), -1);
        assert_int_equal(error.kind, ERROR_UNSUPPORTED);
        assert_string_equal(error.text, cases[i].want);
        assert_null(config);
    }
}

TEST(what_the_crd_would_refuse_is_refused_with_its_path)
{
    static const struct {
        const char *spec;
        const char *want;
    } cases[] = {
        {"7", "spec.thing: must be an object"},
        {"{name: abcdef}", "spec.thing.name: must be a text of 0 to 5 characters"},
        {"{name: 7}", "spec.thing.name: must be a text of 0 to 5 characters"},
        {"{colour: red}", "spec.thing.colour: 'red' must be one of Red, DeepBlue"},
        {"{colour: 1}", "spec.thing.colour: '' must be one of Red, DeepBlue"},
        {"{wet: 'true'}", "spec.thing.wet: must be true or false"},
        {"{size: {inner: 0}}", "spec.thing.size.inner: must be a whole number from 1 to 10"},
        {"{size: {inner: 11}}", "spec.thing.size.inner: must be a whole number from 1 to 10"},
        {"{size: {inner: 1.5}}", "spec.thing.size.inner: must be a whole number from 1 to 10"},
        {"{size: {inner: '1'}}", "spec.thing.size.inner: must be a whole number from 1 to 10"},
        {"{size: {inner: 1e300}}", "spec.thing.size.inner: must be a whole number from 1 to 10"},
        {"{pending: 0}", "spec.thing.pending: must be a whole number from -1 to 10, except 0"},
        {"{pending: -2}", "spec.thing.pending: must be a whole number from -1 to 10, except 0"},
        {"{bytes: 0}", "spec.thing.bytes: must be a whole number of bytes from 1 to 1048576, such "
                       "as 65536 or 64Ki"},
        {"{bytes: 2Mi}", "spec.thing.bytes: must be a whole number of bytes from 1 to 1048576, "
                         "such as 65536 or 64Ki"},
        {"{bytes: true}", "spec.thing.bytes: must be a whole number of bytes from 1 to 1048576, "
                          "such as 65536 or 64Ki"},
        {"{bytes: 1X}", "spec.thing.bytes: '1X' is not a quantity: want a number, or one with Ki, "
                        "Mi, Gi, Ti, Pi, k, M, G, T or P after it, as in 10Gi"},
        {"{age: 1d}", "spec.thing.age: '1d' is not a duration: want up to four numbers of at most "
                      "five digits, each with h, m, s or ms, as in 1h30m"},
        {"{age: 1ms}", "spec.thing.age: must be a duration from 1s to 87600h, such as 1h30m"},
        {"{age: 99999h}", "spec.thing.age: must be a duration from 1s to 87600h, such as 1h30m"},
        {"{age: 5}", "spec.thing.age: must be a duration from 1s to 87600h, such as 1h30m"},
        {"{waits: []}", "spec.thing.waits: must have 1 to 3 items"},
        {"{waits: [1s, 1s, 1s, 1s]}", "spec.thing.waits: must have 1 to 3 items"},
        {"{waits: 1s}", "spec.thing.waits: must have 1 to 3 items"},
        {"{waits: [0s]}", "spec.thing.waits: must be a duration from 1ms to 87600h, such as 1h30m"},
        {"{tags: [a, b, c]}", "spec.thing.tags: must have 0 to 2 items"},
        {"{tags: [7]}", "spec.thing.tags: each item must be a text of 1 to 128 characters"},
        {"{tags: {a: b}}", "spec.thing.tags: must have 0 to 2 items"},
        {"{labels: [a]}", "spec.thing.labels: must have 0 to 2 items"},
        {"{labels: {a: 1}}", "spec.thing.labels: names must have 1 to 128 characters and texts at "
                             "most 1024"},
        {"{labels: {'': x}}", "spec.thing.labels: names must have 1 to 128 characters and texts at "
                              "most 1024"},
        {"{labels: {bulkhead.dev/uid: x}}",
         "spec.thing.labels: name 'bulkhead.dev/uid' must not begin with '_nats.' or "
         "'bulkhead.dev/'"},
        {"{labels: {_nats.ver: x}}",
         "spec.thing.labels: name '_nats.ver' must not begin with '_nats.' or 'bulkhead.dev/'"},
        {"{start: '2026-01-02'}",
         "spec.thing.start: must be a time in UTC, such as 2026-01-02T15:04:05Z"},
        {"{start: '2026-01-02T15:04:05+01:00'}",
         "spec.thing.start: must be a time in UTC, such as 2026-01-02T15:04:05Z"},
        {"{start: '2026-01-02T15:04:05.Z'}",
         "spec.thing.start: must be a time in UTC, such as 2026-01-02T15:04:05Z"},
        {"{start: ''}", "spec.thing.start: must be a time in UTC, such as 2026-01-02T15:04:05Z"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cJSON *config = NULL;
        Error error = {0};

        assert_int_equal(build(cases[i].spec, NEWEST, &config, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].want);
    }
}

/* The CRD's maxLength counts characters; a name of five umlauts has ten bytes. */
TEST(lengths_count_characters)
{
    assert_built("{name: äöüäö}", 0,
                 "{\"name\":\"äöüäö\",\"colour\":\"red\",\"is_wet\":false,\"size\":{\"in\":-1},"
                 "\"bytes\":-1,\"age\":0}");
}

static FieldDiff diff(const char *spec, const char *observed, Text *reason)
{
    DEFER(defer_json) cJSON *config = NULL;
    DEFER(defer_json) cJSON *server = yaml_value(observed);
    Error error;

    if (build(spec, NEWEST, &config, &error) < 0)
        fail_msg("%s: %s", spec, error.text);
    return fields_diff(&table, config, server, reason);
}

TEST(what_the_server_leaves_out_or_writes_otherwise_is_no_difference)
{
    static const struct {
        const char *spec;
        const char *observed;
    } cases[] = {
        {"{}", "{}"},
        {"{}", "{name: '', colour: red, is_wet: false, size: {in: 0}, bytes: 0, age: 0}"},
        {"{}", "{size: {in: -1}, bytes: -7, tags: [], labels: {}, spy: false, waits: null}"},
        {"{}", "{spy: 0}"},
        {"{}", "{spy: {}}"},
        {"{}", "{spy: ''}"},
        {"{}", "{labels: {_nats.ver: 2.15.2, _nats.level: '5'}, unheard_of: 7}"},
        {"{}", "{later: '2030-01-01T00:00:00Z'}"},
        {"{tags: [b, a]}", "{tags: [a, b]}"},
        {"{age: 87600h}", "{age: 315360000000000000}"},
        {"{start: '2026-01-02T15:04:05.500Z'}", "{start: '2026-01-02T15:04:05.5Z'}"},
        {"{start: '2026-01-02T15:04:05.000Z'}", "{start: '2026-01-02T15:04:05Z'}"},
        {"{bytes: 1024}", "{bytes: 1024}"},
        {"{labels: {k: v}}", "{labels: {k: v, _nats.req.level: '0'}}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);

        assert_int_equal(diff(cases[i].spec, cases[i].observed, &reason), FIELD_DIFF_NONE);
        assert_string_equal(text_get(&reason), "");
    }
}

TEST(differences_are_read_aloud_the_old_value_first)
{
    static const struct {
        const char *spec;
        const char *observed;
        const char *want;
    } cases[] = {
        {"{bytes: 20Ki}", "{bytes: 10240}", "bytes 10Ki -> 20Ki"},
        {"{}", "{bytes: 10240, age: 3600000000000}", "bytes 10Ki -> unlimited, age 1h -> none"},
        {"{bytes: 1000}", "{}", "bytes unlimited -> 1000"},
        {"{size: {inner: 3}}", "{size: {in: 2}}", "size.inner 2 -> 3"},
        {"{pending: -1}", "{pending: 5}", "pending 5 -> -1"},
        {"{colour: DeepBlue}", "{}", "colour Red -> DeepBlue"},
        {"{}", "{colour: pink}", "colour pink -> Red"},
        {"{wet: true}", "{}", "wet false -> true"},
        {"{waits: [1s, 1m]}", "{waits: [1000000000]}", "waits [1s] -> [1s 1m]"},
        {"{}", "{tags: [b, a]}", "tags [a b] -> none"},
        {"{labels: {a: new}}", "{labels: {a: old, b: x}}",
         "metadata.a old -> new, metadata.b x -> none"},
        {"{}", "{spy: {src: tenant}}", "spy {\"src\":\"tenant\"} -> none"},
        {"{}", "{spy: true}", "spy true -> none"},
        {"{}", "{age: 1}", "age 1ns -> none"},
        {"{age: 87600h}", "{age: 315360000001000000}", "age 87600h1ms -> 87600h"},
        {"{age: 1s}", "{age: soon}", "age soon -> 1s"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);

        assert_int_equal(diff(cases[i].spec, cases[i].observed, &reason), FIELD_DIFF_UPDATE);
        assert_string_equal(text_get(&reason), cases[i].want);
    }
}

TEST(a_fixed_field_that_differs_is_named_alone)
{
    static const struct {
        const char *spec;
        const char *observed;
        const char *want;
    } cases[] = {
        {"{name: new, bytes: 1Ki}", "{name: old}", "name old -> new"},
        {"{}", "{is_wet: true}", "wet true -> false"},
        {"{start: '2026-01-02T15:04:05Z'}", "{}", "start none -> 2026-01-02T15:04:05Z"},
        {"{name: a}", "{start: '2026-01-02T15:04:05Z'}",
         "name none -> a, start 2026-01-02T15:04:05Z -> none"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);

        assert_int_equal(diff(cases[i].spec, cases[i].observed, &reason), FIELD_DIFF_FIXED);
        assert_string_equal(text_get(&reason), cases[i].want);
    }
}

TEST(a_reason_goes_on_after_what_is_there)
{
    DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);

    text_add(&reason, "first");
    assert_int_equal(diff("{bytes: 1}", "{}", &reason), FIELD_DIFF_UPDATE);
    assert_string_equal(text_get(&reason), "first, bytes unlimited -> 1");
    assert_int_equal(diff("{bytes: 1}", "{}", NULL), FIELD_DIFF_UPDATE);
}

TEST(a_long_value_is_cut_in_the_reason_but_compared_whole)
{
    DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);
    DEFER(text_done) Text observed = TEXT_MAX(REASON_MAX);

    text_add(&observed, "{spy: '");
    for (int i = 0; i < 50; i++)
        text_add(&observed, "äö");
    text_add(&observed, "'}");
    assert_int_equal(diff("{}", text_get(&observed), &reason), FIELD_DIFF_UPDATE);
    assert_string_equal(text_get(&reason),
                        "spy äöäöäöäöäöäöäöäöäöäöäöäöäöäöäöäöäöäöäöäö... -> none");
}

/* Built from the same spec, two configurations never differ: otherwise an update would be sent for
 * ever. */
TEST(a_configuration_does_not_differ_from_itself)
{
    static const char *const specs[] = {
        "{}", "{name: a, bytes: 10Ki, age: 90m, waits: [1s], tags: [x, z], labels: {a: b}}",
        "{wet: true, modern: true, start: '2026-01-02T15:04:05.123456789Z', pending: -1}"};

    for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
        DEFER(defer_json) cJSON *config = NULL;
        Error error;

        assert_int_equal(build(specs[i], NEWEST, &config, &error), 0);
        DEFER(defer_free) char *sent = json_print(config);
        DEFER(defer_json) cJSON *observed = yaml_value(sent);
        assert_int_equal(fields_diff(&table, config, observed, NULL), FIELD_DIFF_NONE);
    }
}

TEST(api_levels_have_their_release)
{
    assert_string_equal(api_level_version(0), "2.10");
    assert_string_equal(api_level_version(1), "2.11");
    assert_string_equal(api_level_version(2), "2.12");
    assert_string_equal(api_level_version(3), "2.12.5");
    assert_string_equal(api_level_version(4), "2.14");
    assert_string_equal(api_level_version(5), "2.15");
}

static void assert_rows_are_sound(const FieldTable *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        const Field *field = &fields->rows[i];
        DEFER(defer_json) cJSON *fallback = field_fallback(field);

        assert_int_equal(fallback != NULL, field->fallback != NULL);
        assert_int_equal(field->words != NULL, field->type == FIELD_ENUM);
        assert_true(field->min <= field->max);
        assert_true(field->type != FIELD_ABSENT || field->path == NULL);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(field->api, fields->rows[k].api);
    }
}

TEST(the_rows_of_streams_and_consumers_are_sound)
{
    assert_rows_are_sound(&stream_fields);
    assert_rows_are_sound(&consumer_fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_set_is_sent_as_its_default),
        cmocka_unit_test(without_a_spec_all_is_default),
        cmocka_unit_test(every_type_reaches_the_api_in_its_form),
        cmocka_unit_test(null_is_not_set),
        cmocka_unit_test(what_an_old_server_does_not_know_is_not_sent),
        cmocka_unit_test(
            a_field_above_the_level_of_the_server_is_refused_with_the_version_it_needs),
        cmocka_unit_test(what_the_crd_would_refuse_is_refused_with_its_path),
        cmocka_unit_test(lengths_count_characters),
        cmocka_unit_test(what_the_server_leaves_out_or_writes_otherwise_is_no_difference),
        cmocka_unit_test(differences_are_read_aloud_the_old_value_first),
        cmocka_unit_test(a_fixed_field_that_differs_is_named_alone),
        cmocka_unit_test(a_reason_goes_on_after_what_is_there),
        cmocka_unit_test(a_long_value_is_cut_in_the_reason_but_compared_whole),
        cmocka_unit_test(a_configuration_does_not_differ_from_itself),
        cmocka_unit_test(api_levels_have_their_release),
        cmocka_unit_test(the_rows_of_streams_and_consumers_are_sound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

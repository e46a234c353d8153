#include "options.h"
#include "unit.h"

typedef struct Settings {
    const char *table;
    const char *format;
    const char *which;
    int64_t batch;
    int64_t poll_ms;
    int64_t buffer;
    bool quiet;
} Settings;

#define FIELD(name) offsetof(Settings, name)

static const Option options[] = {
    {"table", OPTION_TEXT, FIELD(table), "outbox", 0, 0, NULL, "Table that holds the events."},
    {"log-format", OPTION_TEXT, FIELD(format), NULL, 0, 0, "json|text", "Form of the lines."},
    {"batch-size", OPTION_COUNT, FIELD(batch), "64", 1, 1000, NULL, "Rows read at once."},
    {"poll", OPTION_DURATION_MS, FIELD(poll_ms), "1s", 10, 60000, NULL, "Longest wait | rest."},
    {"max-row-size", OPTION_QUANTITY, FIELD(buffer), "1Mi", 1024, 1 << 30, NULL, "Bytes of a row."},
    {"quiet", OPTION_FLAG, FIELD(quiet), "false", 0, 0, NULL, "Say less."},
    {"show", OPTION_TEXT, FIELD(which), "all", 1, 50, "all|top:N|none", "Which are shown."},
};

static const size_t count = ARRAY_SIZE(options);

static const Option *option_named(const char *name)
{
    const Option *option = option_find(options, count, name);

    assert_non_null(option);
    return option;
}

TEST(defaults_are_what_would_be_typed)
{
    Settings settings = {.quiet = true};

    options_set_defaults(options, count, &settings);
    assert_string_equal(settings.table, "outbox");
    assert_null(settings.format);
    assert_int_equal(settings.batch, 64);
    assert_int_equal(settings.poll_ms, 1000);
    assert_int_equal(settings.buffer, 1 << 20);
    assert_false(settings.quiet);
}

TEST(each_type_is_read_from_text)
{
    Settings settings = {0};
    Error error;

    assert_int_equal(option_set(option_named("table"), &settings, "", &error), 0);
    assert_int_equal(option_set(option_named("log-format"), &settings, "text", &error), 0);
    assert_int_equal(option_set(option_named("batch-size"), &settings, "1000", &error), 0);
    assert_int_equal(option_set(option_named("poll"), &settings, "1m", &error), 0);
    assert_int_equal(option_set(option_named("max-row-size"), &settings, "1Ki", &error), 0);
    assert_int_equal(option_set(option_named("quiet"), &settings, "true", &error), 0);
    assert_int_equal(option_set(option_named("show"), &settings, "top:50", &error), 0);
    assert_string_equal(settings.table, "");
    assert_string_equal(settings.format, "text");
    assert_string_equal(settings.which, "top:50");
    assert_int_equal(settings.batch, 1000);
    assert_int_equal(settings.poll_ms, 60000);
    assert_int_equal(settings.buffer, 1024);
    assert_true(settings.quiet);
}

TEST(bad_values_name_the_flag_and_what_is_allowed)
{
    static const struct {
        const char *option;
        const char *text;
        const char *want;
    } cases[] = {
        {"log-format", "xml", "--log-format: 'xml' is not one of json|text"},
        {"log-format", "", "--log-format: '' is not one of json|text"},
        {"log-format", "json|text", "--log-format: 'json|text' is not one of json|text"},
        {"log-format", "jso", "--log-format: 'jso' is not one of json|text"},
        {"show", "top", "--show: 'top' is not one of all|top:N|none, with N from 1 to 50"},
        {"show", "top:", "--show: 'top:' is not one of all|top:N|none, with N from 1 to 50"},
        {"show", "top:0", "--show: 'top:0' is not one of all|top:N|none, with N from 1 to 50"},
        {"show", "top:51", "--show: 'top:51' is not one of all|top:N|none, with N from 1 to 50"},
        {"show", "top:-1", "--show: 'top:-1' is not one of all|top:N|none, with N from 1 to 50"},
        {"show", "top: 1", "--show: 'top: 1' is not one of all|top:N|none, with N from 1 to 50"},
        {"show", "top:1x", "--show: 'top:1x' is not one of all|top:N|none, with N from 1 to 50"},
        {"show", "top:N", "--show: 'top:N' is not one of all|top:N|none, with N from 1 to 50"},
        {"show", "all:1", "--show: 'all:1' is not one of all|top:N|none, with N from 1 to 50"},
        {"show", "none1", "--show: 'none1' is not one of all|top:N|none, with N from 1 to 50"},
        {"show", "", "--show: '' is not one of all|top:N|none, with N from 1 to 50"},
        {"batch-size", "0", "--batch-size: '0' is not a whole number from 1 to 1000"},
        {"batch-size", "1001", "--batch-size: '1001' is not a whole number from 1 to 1000"},
        {"poll", "9ms", "--poll: '9ms' is not from 10ms to 1m"},
        {"poll", "61s", "--poll: '61s' is not from 10ms to 1m"},
        {"poll", "5",
         "--poll: '5' is not a duration: want up to four numbers of at most five digits, each "
         "with h, m, s or ms, as in 1h30m"},
        {"max-row-size", "1Gb",
         "--max-row-size: '1Gb' is not a quantity: want a number, or one with Ki, Mi, Gi, Ti, "
         "Pi, k, M, G, T or P after it, as in 10Gi"},
        {"max-row-size", "1000", "--max-row-size: '1000' is not from 1024 to 1073741824"},
        {"max-row-size", "2Gi", "--max-row-size: '2Gi' is not from 1024 to 1073741824"},
        {"quiet", "yes", "--quiet: 'yes' is neither true nor false"},
        {"quiet", "", "--quiet: '' is neither true nor false"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Settings settings = {.batch = -1, .poll_ms = -1, .buffer = -1};
        Error error;

        assert_int_equal(
            option_set(option_named(cases[i].option), &settings, cases[i].text, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].want);
        assert_null(settings.format);
        assert_null(settings.which);
        assert_int_equal(settings.batch, -1);
        assert_int_equal(settings.poll_ms, -1);
        assert_int_equal(settings.buffer, -1);
    }
}

TEST(an_unknown_name_is_not_found)
{
    assert_null(option_find(options, count, "batch"));
    assert_null(option_find(options, count, ""));
    assert_null(option_find(options, 0, "batch-size"));
}

TEST(a_name_makes_the_variable_and_the_key)
{
    static const struct {
        const char *option;
        const char *variable;
        const char *key;
    } cases[] = {
        {"table", "BULKHEAD_TABLE", "table"},
        {"log-format", "BULKHEAD_LOG_FORMAT", "logFormat"},
        {"max-row-size", "BULKHEAD_MAX_ROW_SIZE", "maxRowSize"},
    };
    char text[64];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        option_variable(option_named(cases[i].option), text, sizeof text);
        assert_string_equal(text, cases[i].variable);
        option_key(option_named(cases[i].option), text, sizeof text);
        assert_string_equal(text, cases[i].key);
    }
}

static int config_set(const char *text, Settings *settings, Error *reterr)
{
    static cJSON *config; /* the settings borrow from it until the next call */

    cJSON_Delete(config);
    config = NULL;
    if (text != NULL && json_parse(text, strlen(text), &config, reterr) < 0)
        return -1;
    return config != NULL ? options_set_config(options, count, settings, config, reterr) : 0;
}

TEST(a_configuration_file_may_use_the_types_of_its_format)
{
    Settings settings = {0};
    Error error;

    assert_int_equal(config_set("{\"table\":\"rows\",\"batchSize\":7,\"quiet\":true,"
                                "\"poll\":\"2s\",\"maxRowSize\":2048,\"logFormat\":\"text\"}",
                                &settings, &error),
                     0);
    assert_string_equal(settings.table, "rows");
    assert_string_equal(settings.format, "text");
    assert_int_equal(settings.batch, 7);
    assert_int_equal(settings.poll_ms, 2000);
    assert_int_equal(settings.buffer, 2048);
    assert_true(settings.quiet);
    assert_int_equal(config_set("{\"batchSize\":\"8\",\"quiet\":\"false\"}", &settings, &error), 0);
    assert_int_equal(settings.batch, 8);
    assert_false(settings.quiet);
    (void)config_set(NULL, &settings, &error);
}

TEST(a_bad_configuration_file_names_what_is_wrong)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"[]", "want a mapping of option names to values"},
        {"7", "want a mapping of option names to values"},
        {"{\"batch\":1}", "unknown key 'batch'"},
        {"{\"batch-size\":1}", "unknown key 'batch-size'"},
        {"{\"batchSize\":0}", "--batch-size: '0' is not a whole number from 1 to 1000"},
        {"{\"batchSize\":1.5}", "--batch-size: '1.5' is not a whole number from 1 to 1000"},
        {"{\"batchSize\":null}", "--batch-size: 'null' is not a whole number from 1 to 1000"},
        {"{\"batchSize\":[1]}", "--batch-size: '[1]' is not a whole number from 1 to 1000"},
        {"{\"table\":7}", "--table: want a text: put it in quotes"},
        {"{\"table\":true}", "--table: want a text: put it in quotes"},
        {"{\"table\":null}", "--table: want a text: put it in quotes"},
        {"{\"table\":{}}", "--table: want a text: put it in quotes"},
        {"{\"quiet\":1}", "--quiet: '1' is neither true nor false"},
    };
    Settings settings;
    Error error;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(config_set(cases[i].text, &settings, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].want);
    }
    (void)config_set(NULL, &settings, &error);
}

static const char *two_variables(const char *name)
{
    if (text_eq(name, "BULKHEAD_BATCH_SIZE"))
        return "5";
    return text_eq(name, "BULKHEAD_POLL") ? "3s" : NULL;
}

static const char *bad_variable(const char *name)
{
    return text_eq(name, "BULKHEAD_BATCH_SIZE") ? "many" : NULL;
}

TEST(variables_that_are_set_are_read)
{
    Settings settings = {.table = "kept"};
    Error error;

    assert_int_equal(options_set_environment(options, count, &settings, two_variables, &error), 0);
    assert_int_equal(settings.batch, 5);
    assert_int_equal(settings.poll_ms, 3000);
    assert_string_equal(settings.table, "kept");
}

TEST(a_bad_variable_is_named)
{
    Settings settings;
    Error error;

    assert_int_equal(options_set_environment(options, count, &settings, bad_variable, &error), -1);
    assert_string_equal(error.text, "BULKHEAD_BATCH_SIZE: --batch-size: 'many' is not a whole "
                                    "number from 1 to 1000");
}

TEST(the_help_text_shows_each_option)
{
    DEFER(text_done) Text text = TEXT_MAX(4096);

    options_help(options, count, &text);
    assert_string_equal(text_get(&text), "  --table TEXT\n      Table that holds the events.\n"
                                         "      Default outbox. Also BULKHEAD_TABLE.\n"
                                         "  --log-format json|text\n      Form of the lines.\n"
                                         "      Also BULKHEAD_LOG_FORMAT.\n"
                                         "  --batch-size N\n      Rows read at once.\n"
                                         "      Default 64. Also BULKHEAD_BATCH_SIZE.\n"
                                         "  --poll DURATION\n      Longest wait | rest.\n"
                                         "      Default 1s. Also BULKHEAD_POLL.\n"
                                         "  --max-row-size QUANTITY\n      Bytes of a row.\n"
                                         "      Default 1Mi. Also BULKHEAD_MAX_ROW_SIZE.\n"
                                         "  --quiet\n      Say less.\n"
                                         "      Default false. Also BULKHEAD_QUIET.\n"
                                         "  --show all|top:N|none\n      Which are shown.\n"
                                         "      Default all. Also BULKHEAD_SHOW.\n");
}

TEST(the_manual_shows_each_option_as_a_row)
{
    DEFER(text_done) Text text = TEXT_MAX(4096);

    options_markdown(options + 1, 3, &text);
    assert_string_equal(
        text_get(&text),
        "| flag | environment | key | default | what it does |\n|---|---|---|---|---|\n"
        "| `--log-format` json\\|text | `BULKHEAD_LOG_FORMAT` | `logFormat` | none | Form of the "
        "lines. |\n"
        "| `--batch-size` N | `BULKHEAD_BATCH_SIZE` | `batchSize` | 64 | Rows read at once. |\n"
        "| `--poll` DURATION | `BULKHEAD_POLL` | `poll` | 1s | Longest wait \\| rest. |\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_what_would_be_typed),
        cmocka_unit_test(each_type_is_read_from_text),
        cmocka_unit_test(bad_values_name_the_flag_and_what_is_allowed),
        cmocka_unit_test(an_unknown_name_is_not_found),
        cmocka_unit_test(a_name_makes_the_variable_and_the_key),
        cmocka_unit_test(a_configuration_file_may_use_the_types_of_its_format),
        cmocka_unit_test(a_bad_configuration_file_names_what_is_wrong),
        cmocka_unit_test(variables_that_are_set_are_read),
        cmocka_unit_test(a_bad_variable_is_named),
        cmocka_unit_test(the_help_text_shows_each_option),
        cmocka_unit_test(the_manual_shows_each_option_as_a_row),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <unistd.h>

#include "child.h"
#include "json.h"
#include "log.h"
#include "unit.h"

enum { LINE_BYTES_MAX = 16 * 1024 - 1 };

typedef struct Line {
    LogFormat format;
    LogLevel least;
    LogLevel level;
    const char *message;
    const LogField *fields;
    size_t count;
} Line;

static int line_write(void *context)
{
    const Line *line = context;

    log_init("bulkhead-test", line->least, line->format);
    log_write(line->level, line->message, line->fields, line->count);
    return 0;
}

/* What LINE writes to standard error, borrowed until the next. */
static const char *written(Line line)
{
    const Child *child = child_run(line_write, &line);

    assert_int_equal(child->status, 0);
    assert_string_equal(text_get(&child->out), "");
    return text_get(&child->err);
}

/* The one object on the one line that TEXT is. */
static cJSON *object_of(const char *text)
{
    cJSON *object = NULL;
    Error error;

    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_int_equal(json_parse(text, strlen(text), &object, &error), 0);
    assert_true(cJSON_IsObject(object));
    return object;
}

TEST(a_json_line_is_one_object_with_its_fields_in_order)
{
    const LogField fields[] = {
        log_text_field("tenant", "acme"),
        log_int_field("messages", INT64_MAX),
        log_bool_field("ready", true),
        log_text_field("none", NULL),
    };
    const char *text = written(
        (Line){.level = LOG_LEVEL_WARN, .message = "stream updated", .fields = fields, .count = 4});
    const char *rest = strstr(text, ",\"level\"");

    assert_true(text_starts(text, "{\"time\":\"20"));
    assert_int_equal(rest - text, strlen("{\"time\":\"2026-01-01T00:00:00.000Z\""));
    assert_string_equal(rest, ",\"level\":\"warn\",\"program\":\"bulkhead-test\",\"message\":"
                              "\"stream updated\",\"tenant\":\"acme\",\"messages\":"
                              "9223372036854775807,\"ready\":true,\"none\":\"\"}\n");
}

TEST(a_text_line_has_the_time_the_level_the_message_and_the_fields)
{
    const LogField fields[] = {log_text_field("tenant", "a \"b\"\n"), log_int_field("n", -1)};
    const char *text = written((Line){.format = LOG_FORMAT_TEXT,
                                      .level = LOG_LEVEL_INFO,
                                      .message = "stream\nupdated",
                                      .fields = fields,
                                      .count = 2});

    assert_int_equal(strcspn(text, " "), strlen("2026-01-01T00:00:00.000Z"));
    assert_string_equal(strchr(text, ' '),
                        " info  stream\\u000aupdated tenant=\"a \\\"b\\\"\\u000a\" n=-1\n");
}

/* FIRST to LAST, each once. */
static void bytes_fill(char *ret_text, int first, int last)
{
    for (int c = first; c <= last; c++)
        *ret_text++ = (char)c;
    *ret_text = '\0';
}

TEST(every_byte_in_a_value_or_message_leaves_the_line_valid)
{
    char low[128];
    char high[129];
    const LogField fields[] = {log_text_field("low", low), log_text_field("high", high)};

    bytes_fill(low, 1, 127);
    bytes_fill(high, 128, 255);
    const char *text =
        written((Line){.level = LOG_LEVEL_INFO, .message = low, .fields = fields, .count = 2});
    DEFER(defer_json) cJSON *object = object_of(text);
    const char *replaced = json_text(object, "high", "");

    assert_string_equal(json_text(object, "low", ""), low);
    assert_string_equal(json_text(object, "message", ""), low);
    assert_int_equal(strlen(replaced), 3 * 128);
    for (size_t i = 0; replaced[i] != '\0'; i += 3)
        assert_memory_equal(replaced + i, "\xef\xbf\xbd", 3);
}

TEST(utf8_is_kept_and_what_is_none_is_replaced)
{
#define BAD "\xef\xbf\xbd"
    static const struct {
        const char *value;
        const char *want;
    } cases[] = {
        {"z\xc3\xbcrich", "z\xc3\xbcrich"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
        {"\xf0\x9f\x90\x98", "\xf0\x9f\x90\x98"},
        {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
        {"\xe0\xa0\x80", "\xe0\xa0\x80"},
        {"a\x80z", "a" BAD "z"},               /* no first byte */
        {"\xc3", BAD},                         /* ends too early */
        {"\xe2\x82", BAD BAD},                 /* ends too early */
        {"\xf0\x9f\x90", BAD BAD BAD},         /* ends too early */
        {"\xc3z", BAD "z"},                    /* no second byte */
        {"\xe2\x82z", BAD BAD "z"},            /* no third byte */
        {"\xc0\xaf", BAD BAD},                 /* '/' in two bytes */
        {"\xe0\x9f\xbf", BAD BAD BAD},         /* too long for what it says */
        {"\xed\xa0\x80", BAD BAD BAD},         /* half of a pair */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* behind the last character */
        {"\xf5\x80\x80\x80", BAD BAD BAD BAD},
        {"\xff\xfe", BAD BAD},
    };
#undef BAD

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const LogField field = log_text_field("v", cases[i].value);
        const char *text =
            written((Line){.level = LOG_LEVEL_INFO, .message = "m", .fields = &field, .count = 1});
        DEFER(defer_json) cJSON *object = object_of(text);

        assert_string_equal(json_text(object, "v", ""), cases[i].want);
    }
}

TEST(a_long_text_is_cut_and_the_line_stays_valid)
{
    char value[4096];
    const LogField field = log_text_field("v", value);

    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    const char *text =
        written((Line){.level = LOG_LEVEL_INFO, .message = "m", .fields = &field, .count = 1});
    DEFER(defer_json) cJSON *object = object_of(text);
    const char *cut = json_text(object, "v", "");

    assert_int_equal(strlen(cut), 1024 + strlen("..."));
    assert_string_equal(cut + 1024, "...");
}

TEST(the_longest_line_there_can_be_fits)
{
    char value[4096];
    LogField fields[12];

    memset(value, '\x01', sizeof value - 1); /* six bytes each */
    value[sizeof value - 1] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        fields[i] = log_text_field("a_key_of_thirty_two_letters_like", value);
    for (int format = LOG_FORMAT_JSON; format <= LOG_FORMAT_TEXT; format++) {
        const char *text = written((Line){.format = (LogFormat)format,
                                          .level = LOG_LEVEL_INFO,
                                          .message = value,
                                          .fields = fields,
                                          .count = ARRAY_SIZE(fields)});

        assert_in_range(strlen(text), 13 * 1024, LINE_BYTES_MAX);
    }
}

TEST(lines_below_the_least_level_are_left_out)
{
    for (int least = LOG_LEVEL_DEBUG; least <= LOG_LEVEL_ERROR; least++) {
        for (int level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++) {
            const char *text =
                written((Line){.least = (LogLevel)least, .level = (LogLevel)level, .message = "m"});

            assert_int_equal(*text != '\0', level >= least);
        }
    }
}

static int all_macros(void *context)
{
    const char *text = "t";
    char own[] = "o";
    int small = -3;
    size_t size = 4;
    bool truth = true; /* the word alone is an int in C17 */

    (void)context;
    log_init("p", LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
    log_debug("one");
    log_info("two", KV("text", text), KV("own", own), KV("literal", "l"));
    log_warn("three", KV("small", small), KV("size", (int64_t)size));
    log_error("four", KV("truth", truth), KV("compared", (bool)(small > 0)));
    return 0;
}

TEST(kv_picks_the_type_by_itself)
{
    static const char *const want[] = {
        " debug one\n",
        " info  two text=\"t\" own=\"o\" literal=\"l\"\n",
        " warn  three small=-3 size=4\n",
        " error four truth=true compared=false\n",
    };
    const Child *child = child_run(all_macros, NULL);
    const char *at = text_get(&child->err);

    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        at = strchr(at, ' ');
        assert_non_null(at);
        assert_memory_equal(at, want[i], strlen(want[i]));
        at += strlen(want[i]);
    }
    assert_string_equal(at, "");
}

static int closed_stream(void *context)
{
    (void)context;
    (void)close(STDERR_FILENO);
    log_info("nobody reads this");
    return 0;
}

TEST(a_closed_stream_does_no_harm)
{
    const Child *child = child_run(closed_stream, NULL);

    assert_int_equal(child->status, 0);
}

TEST(levels_and_formats_are_read_from_their_words)
{
    static const char *const bad[] = {"", "INFO", "inf", "infos", "warning", "JSON", "yaml"};
    LogLevel level = LOG_LEVEL_ERROR;
    LogFormat format = LOG_FORMAT_JSON;

    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_true(log_format_parse("text", &format));
    assert_int_equal(format, LOG_FORMAT_TEXT);
    assert_true(log_format_parse("json", &format));
    assert_int_equal(format, LOG_FORMAT_JSON);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(log_level_parse(bad[i], &level));
        assert_false(log_format_parse(bad[i], &format));
    }
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_int_equal(format, LOG_FORMAT_JSON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_line_is_one_object_with_its_fields_in_order),
        cmocka_unit_test(a_text_line_has_the_time_the_level_the_message_and_the_fields),
        cmocka_unit_test(every_byte_in_a_value_or_message_leaves_the_line_valid),
        cmocka_unit_test(utf8_is_kept_and_what_is_none_is_replaced),
        cmocka_unit_test(a_long_text_is_cut_and_the_line_stays_valid),
        cmocka_unit_test(the_longest_line_there_can_be_fits),
        cmocka_unit_test(lines_below_the_least_level_are_left_out),
        cmocka_unit_test(kv_picks_the_type_by_itself),
        cmocka_unit_test(a_closed_stream_does_no_harm),
        cmocka_unit_test(levels_and_formats_are_read_from_their_words),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

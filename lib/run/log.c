#include "log.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

/* With these no line reaches 16 KiB, where container runtimes break lines in two. */
enum { VALUE_BYTES_MAX = 1024, FIELDS_MAX = 12, LINE_BYTES_MAX = 16 * 1024 - 1, STAMP_SIZE = 40 };

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error",
};

/* Set once by log_init, before there are threads. */
static struct {
    const char *program;
    LogLevel least;
    LogFormat format;
} log_state = {.program = "bulkhead", .least = LOG_LEVEL_INFO, .format = LOG_FORMAT_JSON};

void log_init(const char *program, LogLevel least, LogFormat format)
{
    log_state.program = program;
    log_state.least = least;
    log_state.format = format;
}

bool log_level_parse(const char *text, LogLevel *ret_level)
{
    for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
        if (text_eq(text, level_names[i])) {
            *ret_level = (LogLevel)i;
            return true;
        }
    }
    return false;
}

bool log_format_parse(const char *text, LogFormat *ret_format)
{
    if (!text_eq(text, "json") && !text_eq(text, "text"))
        return false;
    *ret_format = text_eq(text, "json") ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    return true;
}

static void stamp(char ret_text[STAMP_SIZE])
{
    struct timespec now;
    struct tm calendar;
    char seconds[STAMP_SIZE / 2];

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &calendar);
    (void)strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &calendar);
    (void)snprintf(ret_text, STAMP_SIZE, "%.19s.%03ldZ", seconds, now.tv_nsec / 1000000);
}

/* Bytes of the well-formed UTF-8 character at C; 0 if there is none. */
static size_t utf8_length(const unsigned char *c)
{
    /* Which second byte a first byte wants: RFC 3629, chapter 4. */
    static const struct {
        unsigned char first, last, second_first, second_last;
        size_t length;
    } rows[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    size_t row = 0;
    size_t length = 2;

    if (*c < 0x80)
        return 1;
    while (row < ARRAY_SIZE(rows) && *c > rows[row].last)
        row++;
    if (row == ARRAY_SIZE(rows) || *c < rows[row].first || c[1] < rows[row].second_first ||
        c[1] > rows[row].second_last)
        return 0;
    while (length < rows[row].length && (c[length] & 0xc0) == 0x80)
        length++;
    return length == rows[row].length ? length : 0;
}

/* Escapes as JSON does, so that no content can end the line, the text or the object. */
static void escaped_add(Text *line, const char *content)
{
    const unsigned char *c = (const unsigned char *)content;
    const size_t end = line->length + VALUE_BYTES_MAX;

    while (*c != '\0' && line->length < end) {
        size_t length = utf8_length(c);

        if (*c == '"' || *c == '\\')
            text_addf(line, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            text_addf(line, "\\u%04x", *c);
        else if (length == 0)
            text_add(line, "\\ufffd");
        else
            text_add_bytes(line, c, length);
        c += length > 0 ? length : 1;
    }
    if (*c != '\0')
        text_add(line, "...");
}

static void quoted_add(Text *line, const char *content)
{
    text_add(line, "\"");
    escaped_add(line, content);
    text_add(line, "\"");
}

static void value_add(Text *line, const LogField *field)
{
    if (field->type == LOG_FIELD_TEXT)
        quoted_add(line, field->text);
    else if (field->type == LOG_FIELD_BOOL)
        text_add(line, field->number != 0 ? "true" : "false");
    else
        text_addf(line, "%" PRId64, field->number);
}

static void json_line(Text *line, LogLevel level, const char *message, const LogField *fields,
                      size_t count)
{
    char when[STAMP_SIZE];

    stamp(when);
    text_addf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"message\":", when,
              level_names[level], log_state.program);
    quoted_add(line, message);
    for (size_t i = 0; i < count; i++) {
        text_addf(line, ",\"%s\":", fields[i].key);
        value_add(line, &fields[i]);
    }
    text_add(line, "}\n");
}

static void text_line(Text *line, LogLevel level, const char *message, const LogField *fields,
                      size_t count)
{
    char when[STAMP_SIZE];

    stamp(when);
    text_addf(line, "%s %-5s ", when, level_names[level]);
    escaped_add(line, message);
    for (size_t i = 0; i < count; i++) {
        text_addf(line, " %s=", fields[i].key);
        value_add(line, &fields[i]);
    }
    text_add(line, "\n");
}

/* A line that cannot be written has nowhere to be reported. */
static void line_write(const char *line, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, line, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        line += written;
        length -= (size_t)written;
    }
}

void log_write(LogLevel level, const char *message, const LogField *fields, size_t count)
{
    DEFER(text_done) Text line = TEXT_MAX(LINE_BYTES_MAX);

    if (level < log_state.least)
        return;
    assert(count <= FIELDS_MAX);
    if (log_state.format == LOG_FORMAT_JSON)
        json_line(&line, level, message, fields, count);
    else
        text_line(&line, level, message, fields, count);
    assert(!line.full);
    line_write(text_get(&line), line.length);
}

#include "log.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

enum { LINE_MAX_BYTES = 8192, STAMP_SIZE = 40 };

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

/* Quotes a JSON string, so that no content can end the line or the object. */
static void quoted_add(Text *line, const char *content)
{
    text_add(line, "\"");
    for (const unsigned char *c = (const unsigned char *)content; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            text_addf(line, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            text_addf(line, "\\u%04x", *c);
        else
            text_add_bytes(line, c, 1);
    }
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
    text_add(line, "}");
}

static void text_line(Text *line, LogLevel level, const char *message, const LogField *fields,
                      size_t count)
{
    char when[STAMP_SIZE];

    stamp(when);
    text_addf(line, "%s %-5s %s", when, level_names[level], message);
    for (size_t i = 0; i < count; i++) {
        text_addf(line, " %s=", fields[i].key);
        value_add(line, &fields[i]);
    }
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
    DEFER(text_done) Text line = TEXT_MAX(LINE_MAX_BYTES);

    if (level < log_state.least)
        return;
    if (log_state.format == LOG_FORMAT_JSON)
        json_line(&line, level, message, fields, count);
    else
        text_line(&line, level, message, fields, count);
    if (line.full) { /* still one valid object: say so, rather than cut a string in two */
        text_clear(&line);
        json_line(&line, level, "a log line was longer than 8 KiB and was dropped", NULL, 0);
    }
    line.max++; /* room for the newline, whatever the length */
    text_add(&line, "\n");
    line_write(text_get(&line), line.length);
}

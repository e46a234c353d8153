/* Structured log lines on standard error: one JSON object or one line of text each.
 *
 *     log_info("stream updated", KV("tenant", id), KV("messages", count));
 *
 * KV picks the type by itself, so there is no format string to get wrong. Only the code
 * that gives up logs (docs/errors.md); nothing secret has a type that KV takes. */
#ifndef LOG_H
#define LOG_H

#include "base.h"
#include "error.h"

typedef enum LogLevel { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR } LogLevel;
typedef enum LogFormat { LOG_FORMAT_JSON, LOG_FORMAT_TEXT } LogFormat;

typedef struct LogField {
    const char *key;
    enum { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_BOOL } type;
    const char *text;
    int64_t number;
} LogField;

/* Until it is called, lines are JSON, from info on. PROGRAM is borrowed for ever. */
void log_init(const char *program, LogLevel least, LogFormat format);

/* "debug", "info", "warn", "error" / "json", "text"; false for anything else. */
bool log_level_parse(const char *text, LogLevel *ret_level);
bool log_format_parse(const char *text, LogFormat *ret_format);

/* Thread-safe; a line is one write(2). At most 12 fields; a text is cut at 1 KiB, and what is not
 * UTF-8 in it is replaced, so that every line can be read by a machine. */
void log_write(LogLevel level, const char *message, const LogField *fields, size_t count);

static inline LogField log_text_field(const char *key, const char *text)
{
    return (LogField){.key = key, .type = LOG_FIELD_TEXT, .text = text != NULL ? text : ""};
}

static inline LogField log_int_field(const char *key, int64_t number)
{
    return (LogField){.key = key, .type = LOG_FIELD_INT, .number = number};
}

static inline LogField log_bool_field(const char *key, bool truth)
{
    return (LogField){.key = key, .type = LOG_FIELD_BOOL, .number = truth};
}

#define KV(key, value)                                                                             \
    _Generic((value), char *                                                                       \
             : log_text_field, const char *                                                        \
             : log_text_field, bool                                                                \
             : log_bool_field, default                                                             \
             : log_int_field)((key), (value))

#define LOG_FIELDS(...)                                                                            \
    ((const LogField[]){{0}, ##__VA_ARGS__} + 1),                                                  \
        sizeof((const LogField[]){{0}, ##__VA_ARGS__}) / sizeof(LogField) - 1

#define log_debug(message, ...) log_write(LOG_LEVEL_DEBUG, (message), LOG_FIELDS(__VA_ARGS__))
#define log_info(message, ...)  log_write(LOG_LEVEL_INFO, (message), LOG_FIELDS(__VA_ARGS__))
#define log_warn(message, ...)  log_write(LOG_LEVEL_WARN, (message), LOG_FIELDS(__VA_ARGS__))
#define log_error(message, ...) log_write(LOG_LEVEL_ERROR, (message), LOG_FIELDS(__VA_ARGS__))

#endif

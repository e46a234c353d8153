/* Options as a table: one row is the flag, the environment variable, the key of the
 * configuration file, the type, the default and the help text. Parsing, --help and
 * docs/options.md all read the same rows. Pure: lib/run/settings.c brings the bytes. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "base.h"
#include "error.h"
#include "json.h"
#include "text.h"

typedef enum OptionType {
    OPTION_TEXT,        /* const char *                              */
    OPTION_FLAG,        /* bool; --name, --name=true, --name=false    */
    OPTION_COUNT,       /* int64_t                                   */
    OPTION_DURATION_MS, /* int64_t, given as "5s"                    */
    OPTION_QUANTITY,    /* int64_t bytes, given as "64Mi"            */
} OptionType;

typedef struct Option {
    const char *name; /* "poll": --poll, BULKHEAD_POLL, key "poll" (longName for "long-name") */
    OptionType type;
    size_t offset;        /* of the field in the settings struct */
    const char *fallback; /* as it would be typed; NULL: none    */
    int64_t min;
    int64_t max;
    const char
        *choices; /* OPTION_TEXT: "json|text", "all|first:N" with N of MIN to MAX; NULL: any */
    const char *help;
} Option;

/* Reads TEXT into OPTION's field. Texts are borrowed. ERROR_INVALID on bad text or out of bounds,
 * naming the flag. */
int option_set(const Option *option, void *settings, const char *text, Error *reterr) MUST_CHECK;

/* The row named NAME, or NULL. */
const Option *option_find(const Option *options, size_t count, const char *name);

/* Each fallback into its field. They are part of the program, so that a bad one is a bug. */
void options_set_defaults(const Option *options, size_t count, void *settings);

/* A configuration file: an object with one member an option, camelCase. CONFIG must outlive the
 * settings. ERROR_INVALID for an unknown key or a bad value. */
int options_set_config(const Option *options, size_t count, void *settings, const cJSON *config,
                       Error *reterr) MUST_CHECK;

/* Each BULKHEAD_* variable that LOOKUP (getenv in a process) knows. */
int options_set_environment(const Option *options, size_t count, void *settings,
                            const char *(*lookup)(const char *), Error *reterr) MUST_CHECK;

/* "long-name" -> "BULKHEAD_LONG_NAME" and "longName". SIZE is of RET. */
void option_variable(const Option *option, char *ret, size_t size);
void option_key(const Option *option, char *ret, size_t size);

/* For --help, and as rows of docs/options.md. */
void options_help(const Option *options, size_t count, Text *text);
void options_markdown(const Option *options, size_t count, Text *text);

/* The same for options that are flags alone, and may be shortened to their first letter where no
 * other of them begins with it: what a command is to do this once is not for a variable or a file.
 */
void flags_help(const Option *options, size_t count, Text *text);
void flags_markdown(const Option *options, size_t count, Text *text);

/* The only one of them that begins with LETTER, or NULL. */
const Option *flag_of_letter(const Option *options, size_t count, char letter);

#endif

#include "options.h"

#include "units.h"

enum { NAME_SIZE = 64, NS_PER_MS = 1000000 };

/* A choice of LENGTH bytes. Where it ends with ":N", TEXT has a number from MIN to MAX instead of
 * N. */
static bool choice_is(const Option *option, const char *choice, size_t length, const char *text)
{
    bool counted = length > 2 && strncmp(choice + length - 2, ":N", 2) == 0;
    size_t fixed = counted ? length - 1 : length;
    int64_t number;
    Error unread;

    if (strncmp(choice, text, fixed) != 0)
        return false;
    return counted ? count_parse(text + fixed, option->min, option->max, &number, &unread) == 0
                   : text[fixed] == '\0';
}

static bool choice_listed(const Option *option, const char *text)
{
    for (const char *at = option->choices; *at != '\0';) {
        size_t length = strcspn(at, "|");

        if (choice_is(option, at, length, text))
            return true;
        at += length + (at[length] == '|' ? 1 : 0);
    }
    return false;
}

static int choice_refused(const Option *option, const char *text, Error *reterr)
{
    if (option->max == 0)
        return error_set(reterr, ERROR_INVALID, "'%s' is not one of %s", text, option->choices);
    return error_set(reterr, ERROR_INVALID,
                     "'%s' is not one of %s, with N from %" PRId64 " to %" PRId64, text,
                     option->choices, option->min, option->max);
}

static int text_set(const Option *option, const char **field, const char *text, Error *reterr)
{
    if (option->choices != NULL && !choice_listed(option, text))
        return choice_refused(option, text, reterr);
    *field = text;
    return 0;
}

static int flag_set(bool *field, const char *text, Error *reterr)
{
    if (!text_eq(text, "true") && !text_eq(text, "false"))
        return error_set(reterr, ERROR_INVALID, "'%s' is neither true nor false", text);
    *field = text_eq(text, "true");
    return 0;
}

static int duration_set(const Option *option, int64_t *field, const char *text, Error *reterr)
{
    int64_t ns;

    if (duration_parse(text, &ns, reterr) < 0)
        return -1;
    int64_t ms = ns / NS_PER_MS;
    if (ms < option->min || ms > option->max) {
        char least[DURATION_TEXT_SIZE];
        char most[DURATION_TEXT_SIZE];

        duration_format(option->min * NS_PER_MS, least);
        duration_format(option->max * NS_PER_MS, most);
        return error_set(reterr, ERROR_INVALID, "'%s' is not from %s to %s", text, least, most);
    }
    *field = ms;
    return 0;
}

static int quantity_set(const Option *option, int64_t *field, const char *text, Error *reterr)
{
    int64_t bytes;

    if (quantity_parse(text, &bytes, reterr) < 0)
        return -1;
    if (bytes < option->min || bytes > option->max)
        return error_set(reterr, ERROR_INVALID, "'%s' is not from %" PRId64 " to %" PRId64, text,
                         option->min, option->max);
    *field = bytes;
    return 0;
}

static int field_set(const Option *option, void *field, const char *text, Error *reterr)
{
    switch (option->type) {
    case OPTION_TEXT:
        return text_set(option, field, text, reterr);
    case OPTION_FLAG:
        return flag_set(field, text, reterr);
    case OPTION_COUNT:
        return count_parse(text, option->min, option->max, field, reterr);
    case OPTION_DURATION_MS:
        return duration_set(option, field, text, reterr);
    case OPTION_QUANTITY:
        return quantity_set(option, field, text, reterr);
    }
    assert(!"unknown option type");
    abort();
}

int option_set(const Option *option, void *settings, const char *text, Error *reterr)
{
    if (field_set(option, (char *)settings + option->offset, text, reterr) < 0)
        return error_wrap(reterr, "--%s", option->name);
    return 0;
}

const Option *option_find(const Option *options, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (text_eq(options[i].name, name))
            return &options[i];
    }
    return NULL;
}

void options_set_defaults(const Option *options, size_t count, void *settings)
{
    for (size_t i = 0; i < count; i++) {
        Error error;
        int r = 0;

        if (options[i].fallback != NULL)
            r = option_set(&options[i], settings, options[i].fallback, &error);
        assert(r == 0);
    }
}

void option_variable(const Option *option, char *ret, size_t size)
{
    int length = snprintf(ret, size, "BULKHEAD_%s", option->name);

    assert(length > 0 && (size_t)length < size);
    for (char *c = ret; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
        else if (*c == '-')
            *c = '_';
    }
}

void option_key(const Option *option, char *ret, size_t size)
{
    size_t length = 0;

    for (const char *c = option->name; *c != '\0'; c++) {
        bool upper = c > option->name && c[-1] == '-';

        assert(length + 1 < size);
        if (upper)
            ret[length++] = (char)(*c - 'a' + 'A');
        else if (*c != '-')
            ret[length++] = *c;
    }
    ret[length] = '\0';
}

static const Option *option_of_key(const Option *options, size_t count, const char *key)
{
    char name[NAME_SIZE];

    for (size_t i = 0; i < count; i++) {
        option_key(&options[i], name, sizeof name);
        if (text_eq(name, key))
            return &options[i];
    }
    return NULL;
}

/* What is not a text reads as it would be typed: 8, true. A text is borrowed from CONFIG, so that
 * it must be one there. */
static int config_item_set(const Option *option, void *settings, const cJSON *item, Error *reterr)
{
    if (cJSON_IsString(item))
        return option_set(option, settings, item->valuestring, reterr);
    if (option->type == OPTION_TEXT)
        return error_set(reterr, ERROR_INVALID, "--%s: want a text: put it in quotes",
                         option->name);

    DEFER(defer_free) char *typed = json_print(item);
    return option_set(option, settings, typed, reterr);
}

int options_set_config(const Option *options, size_t count, void *settings, const cJSON *config,
                       Error *reterr)
{
    const cJSON *item = NULL;

    if (!cJSON_IsObject(config))
        return error_set(reterr, ERROR_INVALID, "want a mapping of option names to values");
    cJSON_ArrayForEach (item, config) {
        const Option *option = option_of_key(options, count, item->string);

        if (option == NULL)
            return error_set(reterr, ERROR_INVALID, "unknown key '%s'", item->string);
        if (config_item_set(option, settings, item, reterr) < 0)
            return -1;
    }
    return 0;
}

int options_set_environment(const Option *options, size_t count, void *settings,
                            const char *(*lookup)(const char *), Error *reterr)
{
    char variable[NAME_SIZE];

    for (size_t i = 0; i < count; i++) {
        option_variable(&options[i], variable, sizeof variable);
        const char *text = lookup(variable);

        if (text != NULL && option_set(&options[i], settings, text, reterr) < 0)
            return error_wrap(reterr, "%s", variable);
    }
    return 0;
}

static const char *type_word(const Option *option)
{
    static const char *const words[] = {
        [OPTION_TEXT] = "TEXT",         [OPTION_FLAG] = "",
        [OPTION_COUNT] = "N",           [OPTION_DURATION_MS] = "DURATION",
        [OPTION_QUANTITY] = "QUANTITY",
    };

    return option->choices != NULL ? option->choices : words[option->type];
}

static void help_begin(const Option *option, const char *letter, Text *text)
{
    text_addf(text, "  %s--%s%s%s\n      %s\n", letter, option->name,
              *type_word(option) != '\0' ? " " : "", type_word(option), option->help);
}

static bool has_fallback(const Option *option)
{
    return option->fallback != NULL && *option->fallback != '\0';
}

void options_help(const Option *options, size_t count, Text *text)
{
    char variable[NAME_SIZE];

    for (size_t i = 0; i < count; i++) {
        const Option *option = &options[i];

        option_variable(option, variable, sizeof variable);
        help_begin(option, "", text);
        text_add(text, "      ");
        if (has_fallback(option))
            text_addf(text, "Default %s. ", option->fallback);
        text_addf(text, "Also %s.\n", variable);
    }
}

const Option *flag_of_letter(const Option *options, size_t count, char letter)
{
    const Option *found = NULL;

    for (size_t i = 0; i < count; i++) {
        if (options[i].name[0] != letter)
            continue;
        if (found != NULL)
            return NULL;
        found = &options[i];
    }
    return found;
}

/* "-o, ", or "" where there is no such short form. */
static void short_form(const Option *options, size_t count, const Option *option, char ret[8])
{
    bool only = flag_of_letter(options, count, option->name[0]) != NULL;

    (void)snprintf(ret, 8, only ? "-%c, " : "", option->name[0]);
}

void flags_help(const Option *options, size_t count, Text *text)
{
    char letter[8];

    for (size_t i = 0; i < count; i++) {
        short_form(options, count, &options[i], letter);
        help_begin(&options[i], letter, text);
        if (has_fallback(&options[i]) && options[i].type != OPTION_FLAG)
            text_addf(text, "      Default %s.\n", options[i].fallback);
    }
}

/* A '|' would end the cell of a table. */
static void cell_add(Text *text, const char *content)
{
    for (const char *c = content; *c != '\0'; c++) {
        if (*c == '|')
            text_add(text, "\\");
        text_add_bytes(text, c, 1);
    }
}

static void markdown_default(const Option *option, Text *text)
{
    cell_add(text, has_fallback(option) ? option->fallback : "none");
    text_add(text, " | ");
    cell_add(text, option->help);
    text_add(text, " |\n");
}

static void markdown_type(const Option *option, Text *text)
{
    if (*type_word(option) != '\0') {
        text_add(text, " ");
        cell_add(text, type_word(option));
    }
}

void options_markdown(const Option *options, size_t count, Text *text)
{
    char variable[NAME_SIZE];
    char key[NAME_SIZE];

    text_add(text,
             "| flag | environment | key | default | what it does |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const Option *option = &options[i];

        option_variable(option, variable, sizeof variable);
        option_key(option, key, sizeof key);
        text_addf(text, "| `--%s`", option->name);
        markdown_type(option, text);
        text_addf(text, " | `%s` | `%s` | ", variable, key);
        markdown_default(option, text);
    }
}

void flags_markdown(const Option *options, size_t count, Text *text)
{
    char letter[8];

    text_add(text, "| flag | default | what it does |\n|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        short_form(options, count, &options[i], letter);
        text_addf(text, "| `%s--%s`", letter, options[i].name);
        markdown_type(&options[i], text);
        text_add(text, " | ");
        markdown_default(&options[i], text);
    }
}

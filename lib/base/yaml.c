#include "yaml.h"

#include <errno.h>
#include <math.h>
#include <yaml.h> /* NOLINT(readability-duplicate-include): libyaml's, not ours */

#include "alloc.h"

enum { NODES_MAX = 200000, MEMBERS_MAX = 10000 };

/* Below this cJSON prints every digit of a number; above it an integer is kept as its text. */
static const int64_t plain_integer_max = INT64_C(999999999999999);

typedef struct Frame {
    cJSON *container;
    char *key; /* of the value to come; NULL: a key must come first */
    int members;
} Frame;

/* Values hang on their container from the moment they are read, so that the document alone
 * owns everything. */
typedef struct Reader {
    yaml_parser_t parser;
    cJSON *documents;
    Frame stack[YAML_DEPTH_MAX];
    int depth;
    int nodes;
} Reader;

static void reader_done(Reader *reader)
{
    for (int i = 0; i < reader->depth; i++)
        free(reader->stack[i].key);
    cJSON_Delete(reader->documents);
    yaml_parser_delete(&reader->parser);
}

#define fail_at(mark, reterr, ...) (error_at(&(mark), (reterr), __VA_ARGS__), -1)

static void error_at(const yaml_mark_t *mark, Error *reterr, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void error_at(const yaml_mark_t *mark, Error *reterr, const char *format, ...)
{
    char what[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    error_fill(reterr, ERROR_INVALID, "line %zu, column %zu: %.400s", mark->line + 1,
               mark->column + 1, what);
}

static int parser_failed(const yaml_parser_t *parser, Error *reterr)
{
    const char *problem = parser->problem != NULL ? parser->problem : "not YAML";

    if (parser->error == YAML_READER_ERROR)
        return error_set(reterr, ERROR_INVALID, "byte %zu: %s", parser->problem_offset, problem);
    if (parser->context == NULL)
        return fail_at(parser->problem_mark, reterr, "%s", problem);
    return fail_at(parser->problem_mark, reterr, "%s, %s", parser->context, problem);
}

static bool one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_eq(text, words[i]))
            return true;
    }
    return false;
}

#define ONE_OF(text, ...)                                                                          \
    one_of((text), (const char *const[]){__VA_ARGS__},                                             \
           ARRAY_SIZE(((const char *const[]){__VA_ARGS__})))

/* As YAML 1.1 has it: 12, -0x1f, 0b11, 0o17, 017 and 1_000. */
static bool read_integer(const char *text, int64_t *ret_number)
{
    char digits[72];
    size_t length = 0;
    bool negative = *text == '-';
    int base = 10;
    char *end = NULL;

    text += *text == '-' || *text == '+' ? 1 : 0;
    if (*text < '0' || *text > '9' || strlen(text) >= sizeof digits - 1)
        return false;
    if (text[0] == '0' && text[1] != '\0') {
        base = strchr("xX", text[1]) != NULL ? 16 : strchr("bB", text[1]) != NULL ? 2 : 8;
        text += strchr("xXbBoO", text[1]) != NULL ? 2 : 1;
    }
    if (negative)
        digits[length++] = '-';
    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == '+' || *text == ' ')
            return false;
        if (*text != '_')
            digits[length++] = *text;
    }
    digits[length] = '\0';
    errno = 0;
    *ret_number = strtoll(digits, &end, base);
    return errno == 0 && end != digits && *end == '\0';
}

/* Digits, one dot, an exponent; nothing else that strtod() would take, as "0x1p3" or "nan". */
static bool read_float(const char *text, double *ret_number)
{
    const char *at = text + strspn(text, "+-");
    size_t whole = strspn(at, "0123456789");
    size_t part = at[whole] == '.' ? strspn(at + whole + 1, "0123456789") : 0;
    char *end = NULL;

    if (at - text > 1 || whole + part == 0 || strspn(at, "0123456789.eE+-") != strlen(at))
        return false;
    *ret_number = strtod(text, &end);
    return *end == '\0' && isfinite(*ret_number);
}

static cJSON *plain_value(const char *text)
{
    int64_t integer;
    double number;

    if (ONE_OF(text, "", "~", "null", "Null", "NULL"))
        return cJSON_CreateNull();
    if (ONE_OF(text, "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"))
        return cJSON_CreateTrue();
    if (ONE_OF(text, "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"))
        return cJSON_CreateFalse();
    if (read_integer(text, &integer))
        return integer >= -plain_integer_max && integer <= plain_integer_max
                   ? cJSON_CreateNumber((double)integer)
                   : json_new_int(integer);
    if (read_float(text, &number))
        return cJSON_CreateNumber(number);
    return cJSON_CreateString(text);
}

/* *ret_quoted: whatever it looks like, it is a string. */
static int scalar_style(const yaml_event_t *event, bool *ret_quoted, Error *reterr)
{
    const char *tag = (const char *)event->data.scalar.tag;

    if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
        return fail_at(event->start_mark, reterr, "a NUL byte in a string");
    if (tag != NULL && !text_eq(tag, "!") && !text_eq(tag, YAML_STR_TAG))
        return fail_at(event->start_mark, reterr, "the tag '%s' is not supported", tag);
    *ret_quoted = tag != NULL || event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return 0;
}

static int read_key(Frame *frame, const yaml_event_t *event, Error *reterr)
{
    const char *key = (const char *)event->data.scalar.value;

    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(event->start_mark, reterr, "a key must be a plain word or a string");
    if (text_eq(key, "<<") && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return fail_at(event->start_mark, reterr, "merge keys ('<<') are not supported");
    if (strlen(key) != event->data.scalar.length)
        return fail_at(event->start_mark, reterr, "a NUL byte in a key");
    if (++frame->members > MEMBERS_MAX)
        return fail_at(event->start_mark, reterr, "more than %d members", MEMBERS_MAX);
    if (cJSON_GetObjectItemCaseSensitive(frame->container, key) != NULL)
        return fail_at(event->start_mark, reterr, "the key '%s' stands here twice", key);
    frame->key = xstrdup(key);
    return 0;
}

/* Hangs ITEM where the next value belongs. */
static void place(Reader *reader, cJSON *item)
{
    Frame *frame = reader->depth > 0 ? &reader->stack[reader->depth - 1] : NULL;

    if (frame == NULL) {
        (void)cJSON_AddItemToArray(reader->documents, item);
    } else if (frame->key == NULL) {
        (void)cJSON_AddItemToArray(frame->container, item);
    } else {
        (void)cJSON_AddItemToObject(frame->container, frame->key, item);
        free(TAKE(frame->key));
    }
}

static int read_scalar(Reader *reader, const yaml_event_t *event, Error *reterr)
{
    const char *text = (const char *)event->data.scalar.value;
    bool quoted = false;

    if (scalar_style(event, &quoted, reterr) < 0)
        return -1;
    if (reader->depth == 0 && !quoted && *text == '\0')
        return 0; /* a document of comments alone */
    if (!quoted && ONE_OF(text, ".inf", "-.inf", "+.inf", ".nan", ".Inf", ".NaN"))
        return fail_at(event->start_mark, reterr, "'%s' is no number that JSON has", text);
    place(reader, quoted ? cJSON_CreateString(text) : plain_value(text));
    return 0;
}

static int open_container(Reader *reader, const yaml_event_t *event, Error *reterr)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag =
        is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    const char *usual = is_map ? YAML_MAP_TAG : YAML_SEQ_TAG;
    cJSON *container;

    if (tag != NULL && !text_eq((const char *)tag, usual))
        return fail_at(event->start_mark, reterr, "the tag '%s' is not supported",
                       (const char *)tag);
    if (reader->depth == YAML_DEPTH_MAX)
        return fail_at(event->start_mark, reterr, "nests deeper than %d levels", YAML_DEPTH_MAX);
    container = is_map ? cJSON_CreateObject() : cJSON_CreateArray();
    place(reader, container);
    reader->stack[reader->depth++] = (Frame){.container = container};
    return 0;
}

static bool wants_key(const Reader *reader, const yaml_event_t *event)
{
    const Frame *frame = reader->depth > 0 ? &reader->stack[reader->depth - 1] : NULL;

    return frame != NULL && cJSON_IsObject(frame->container) && frame->key == NULL &&
           event->type != YAML_MAPPING_END_EVENT;
}

static int read_event(Reader *reader, const yaml_event_t *event, Error *reterr)
{
    if (event->type == YAML_ALIAS_EVENT)
        return fail_at(event->start_mark, reterr, "aliases ('*%s') are not supported: write it out",
                       (const char *)event->data.alias.anchor);
    if (++reader->nodes > NODES_MAX)
        return fail_at(event->start_mark, reterr, "more than %d values", NODES_MAX);
    if (wants_key(reader, event))
        return read_key(&reader->stack[reader->depth - 1], event, reterr);
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(reader, event, reterr);
    if (event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT)
        return open_container(reader, event, reterr);
    if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
        reader->depth--;
    return 0; /* the rest are marks between documents */
}

int yaml_parse(const char *text, size_t length, cJSON **ret_documents, Error *reterr)
{
    DEFER(reader_done) Reader reader = {.documents = cJSON_CreateArray()};
    bool more = true;

    if (yaml_parser_initialize(&reader.parser) == 0)
        abort(); /* memory alone can be missing */
    if (length > YAML_BYTES_MAX)
        return error_set(reterr, ERROR_INVALID, "more than %d bytes of YAML", YAML_BYTES_MAX);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    while (more) {
        DEFER(yaml_event_delete) yaml_event_t event;

        if (yaml_parser_parse(&reader.parser, &event) == 0)
            return parser_failed(&reader.parser, reterr);
        if (read_event(&reader, &event, reterr) < 0)
            return -1;
        more = event.type != YAML_STREAM_END_EVENT;
    }
    assert(reader.depth == 0);
    *ret_documents = TAKE(reader.documents);
    return 0;
}

int yaml_parse_one(const char *text, size_t length, cJSON **ret_document, Error *reterr)
{
    DEFER(defer_json) cJSON *documents = NULL;

    if (yaml_parse(text, length, &documents, reterr) < 0)
        return -1;
    if (cJSON_GetArraySize(documents) > 1)
        return error_set(reterr, ERROR_INVALID, "more than one document ('---')");
    *ret_document =
        documents->child != NULL ? cJSON_DetachItemFromArray(documents, 0) : cJSON_CreateObject();
    return 0;
}

#include <math.h>

#include "field_value.h"
#include "units.h"

enum { ITEM_CHARS_MAX = 128, LABEL_CHARS_MAX = 1024 };

/* Maxima in the CRD count characters, not bytes. */
static int64_t characters(const char *text)
{
    int64_t count = 0;

    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static bool text_within(const cJSON *value, int64_t min, int64_t max)
{
    return cJSON_IsString(value) && characters(value->valuestring) >= min &&
           characters(value->valuestring) <= max;
}

static int read_text(const Field *field, const cJSON *value, cJSON **ret_item, Error *reterr)
{
    if (!text_within(value, field->min, field->max))
        return error_set(reterr, ERROR_INVALID,
                         "must be a text of %" PRId64 " to %" PRId64 " characters", field->min,
                         field->max);
    *ret_item = cJSON_CreateString(value->valuestring);
    return 0;
}

const FieldWord *field_word(const Field *field, const char *text)
{
    for (const FieldWord *word = field->words; word->word != NULL; word++) {
        if (text_eq(word->word, text) || text_eq(word->api, text))
            return word;
    }
    return NULL;
}

static int read_enum(const Field *field, const cJSON *value, cJSON **ret_item, Error *reterr)
{
    const char *text = cJSON_IsString(value) ? value->valuestring : "";
    const FieldWord *word = field_word(field, text);
    char list[256];
    size_t used = 0;

    if (word != NULL && text_eq(word->word, text)) {
        *ret_item = cJSON_CreateString(word->api);
        return 0;
    }
    for (word = field->words; word->word != NULL && used < sizeof list; word++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "",
                                 word->word);
    return error_set(reterr, ERROR_INVALID, "'%.64s' must be one of %s", text, list);
}

static int read_bool(const Field *field __attribute__((__unused__)), const cJSON *value,
                     cJSON **ret_item, Error *reterr)
{
    if (!cJSON_IsBool(value))
        return error_set(reterr, ERROR_INVALID, "must be true or false");
    *ret_item = cJSON_CreateBool(cJSON_IsTrue(value));
    return 0;
}

static bool is_integer(const cJSON *value)
{
    return cJSON_IsNumber(value) && fabs(value->valuedouble) <= (double)FIELD_INT_MAX &&
           !(value->valuedouble < trunc(value->valuedouble)) &&
           !(value->valuedouble > trunc(value->valuedouble));
}

/* -1 stands for unlimited where a row allows it; 0 would then mean the default to the server, which
 * is not what anyone would write it for. */
static bool within(const Field *field, int64_t number)
{
    return number >= field->min && number <= field->max && !(number == 0 && field->min < 0);
}

static int read_int(const Field *field, const cJSON *value, cJSON **ret_item, Error *reterr)
{
    if (!is_integer(value) || !within(field, (int64_t)value->valuedouble))
        return error_set(reterr, ERROR_INVALID,
                         "must be a whole number from %" PRId64 " to %" PRId64 "%s", field->min,
                         field->max, field->min < 0 ? ", except 0" : "");
    *ret_item = json_new_int((int64_t)value->valuedouble);
    return 0;
}

static int read_quantity(const Field *field, const cJSON *value, cJSON **ret_item, Error *reterr)
{
    int64_t bytes = 0;

    if (cJSON_IsString(value)) {
        if (quantity_parse(value->valuestring, &bytes, reterr) < 0)
            return -1;
    } else if (is_integer(value)) {
        bytes = (int64_t)value->valuedouble;
    }
    if (!within(field, bytes))
        return error_set(reterr, ERROR_INVALID,
                         "must be a whole number of bytes from %" PRId64 " to %" PRId64
                         ", such as 65536 or 64Ki",
                         field->min, field->max);
    *ret_item = json_new_int(bytes);
    return 0;
}

static int duration_within(const cJSON *value, int64_t min, int64_t max, int64_t *ret_ns,
                           Error *reterr)
{
    int64_t ns = -1;

    if (cJSON_IsString(value) && duration_parse(value->valuestring, &ns, reterr) < 0)
        return -1;
    if (ns < min || ns > max) {
        char least[DURATION_TEXT_SIZE];
        char most[DURATION_TEXT_SIZE];

        duration_format(min, least);
        duration_format(max, most);
        return error_set(reterr, ERROR_INVALID, "must be a duration from %s to %s, such as 1h30m",
                         least, most);
    }
    *ret_ns = ns;
    return 0;
}

static int read_duration(const Field *field, const cJSON *value, cJSON **ret_item, Error *reterr)
{
    int64_t ns;

    if (duration_within(value, field->min, field->max, &ns, reterr) < 0)
        return -1;
    *ret_item = json_new_int(ns);
    return 0;
}

static int check_items(const Field *field, const cJSON *value, bool right_type, Error *reterr)
{
    int count = cJSON_GetArraySize(value);

    if (!right_type || count < field->min || count > field->max)
        return error_set(reterr, ERROR_INVALID, "must have %" PRId64 " to %" PRId64 " items",
                         field->min, field->max);
    return 0;
}

static int read_durations(const Field *field, const cJSON *value, cJSON **ret_item, Error *reterr)
{
    const cJSON *item = NULL;

    if (check_items(field, value, cJSON_IsArray(value), reterr) < 0)
        return -1;

    DEFER(defer_json) cJSON *list = cJSON_CreateArray();
    cJSON_ArrayForEach (item, value) {
        int64_t ns;

        if (duration_within(item, FIELD_MS, FIELD_TEN_YEARS, &ns, reterr) < 0)
            return -1;
        (void)cJSON_AddItemToArray(list, json_new_int(ns));
    }
    *ret_item = TAKE(list);
    return 0;
}

static int read_texts(const Field *field, const cJSON *value, cJSON **ret_item, Error *reterr)
{
    const cJSON *item = NULL;

    if (check_items(field, value, cJSON_IsArray(value), reterr) < 0)
        return -1;
    cJSON_ArrayForEach (item, value) {
        if (!text_within(item, 1, ITEM_CHARS_MAX))
            return error_set(reterr, ERROR_INVALID,
                             "each item must be a text of 1 to %d characters", ITEM_CHARS_MAX);
    }
    *ret_item = cJSON_Duplicate(value, true);
    return 0;
}

/* Marks of ownership stand among the labels, so that a manifest must not write them. */
static int read_labels(const Field *field, const cJSON *value, cJSON **ret_item, Error *reterr)
{
    const cJSON *item = NULL;

    if (check_items(field, value, cJSON_IsObject(value), reterr) < 0)
        return -1;
    cJSON_ArrayForEach (item, value) {
        if (text_starts(item->string, "_nats.") || text_starts(item->string, "bulkhead.dev/"))
            return error_set(reterr, ERROR_INVALID,
                             "name '%.64s' must not begin with '_nats.' or 'bulkhead.dev/'",
                             item->string);
        if (characters(item->string) < 1 || characters(item->string) > ITEM_CHARS_MAX ||
            !text_within(item, 0, LABEL_CHARS_MAX))
            return error_set(reterr, ERROR_INVALID,
                             "names must have 1 to %d characters and texts at most %d",
                             ITEM_CHARS_MAX, LABEL_CHARS_MAX);
    }
    *ret_item = cJSON_Duplicate(value, true);
    return 0;
}

/* The shape alone; a day that the calendar does not have is the server's to refuse. */
static bool is_time(const char *text)
{
    static const char shape[] = "0000-00-00T00:00:00";
    size_t i = 0;

    for (; shape[i] != '\0'; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';

        if (shape[i] == '0' ? !digit : text[i] != shape[i])
            return false;
    }
    if (text[i] == '.') {
        size_t digits = strspn(text + i + 1, "0123456789");

        if (digits < 1 || digits > 9)
            return false;
        i += 1 + digits;
    }
    return text_eq(text + i, "Z");
}

static int read_time(const Field *field __attribute__((__unused__)), const cJSON *value,
                     cJSON **ret_item, Error *reterr)
{
    if (!cJSON_IsString(value) || !is_time(value->valuestring))
        return error_set(reterr, ERROR_INVALID,
                         "must be a time in UTC, such as 2026-01-02T15:04:05Z");
    *ret_item = cJSON_CreateString(value->valuestring);
    return 0;
}

int field_read(const Field *field, const cJSON *value, cJSON **ret_item, Error *reterr)
{
    static int (*const readers[])(const Field *, const cJSON *, cJSON **, Error *) = {
        [FIELD_TEXT] = read_text,         [FIELD_ENUM] = read_enum,
        [FIELD_BOOL] = read_bool,         [FIELD_INT] = read_int,
        [FIELD_QUANTITY] = read_quantity, [FIELD_DURATION] = read_duration,
        [FIELD_TEXTS] = read_texts,       [FIELD_DURATIONS] = read_durations,
        [FIELD_LABELS] = read_labels,     [FIELD_TIME] = read_time,
    };

    assert((size_t)field->type < ARRAY_SIZE(readers));
    return readers[field->type](field, value, ret_item, reterr);
}

cJSON *field_fallback(const Field *field)
{
    const FieldWord *word;
    int64_t ns;
    Error error;

    if (field->fallback == NULL)
        return NULL;
    switch (field->type) {
    case FIELD_TEXT:
        return cJSON_CreateString(field->fallback);
    case FIELD_ENUM:
        word = field_word(field, field->fallback);
        assert(word != NULL);
        return cJSON_CreateString(word->api);
    case FIELD_BOOL:
        return cJSON_CreateBool(text_eq(field->fallback, "true"));
    case FIELD_INT:
    case FIELD_QUANTITY:
        return json_new_int(strtoll(field->fallback, NULL, 10));
    case FIELD_DURATION:
        if (duration_parse(field->fallback, &ns, &error) == 0)
            return json_new_int(ns);
        break;
    case FIELD_DURATIONS:
    case FIELD_TEXTS:
    case FIELD_LABELS:
    case FIELD_TIME:
    case FIELD_ABSENT:
        break;
    }
    assert(!"a row with a fallback that its type cannot have");
    abort();
}

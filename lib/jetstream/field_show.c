#include "alloc.h"
#include "field_value.h"
#include "units.h"

static void show_json(const cJSON *item, Text *text)
{
    DEFER(defer_free) char *json = json_print(item);

    text_add(text, json);
}

/* The server writes 0 and -1 for the same thing where -1 is the default. */
static bool show_nothing(const Field *field, int64_t number, Text *text)
{
    bool unlimited = field->fallback != NULL && text_eq(field->fallback, "-1");

    if (unlimited && number <= 0)
        text_add(text, "unlimited");
    else if (number == 0)
        text_add(text, "none");
    else
        return false;
    return true;
}

static void show_quantity(int64_t bytes, Text *text)
{
    static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi"};
    size_t unit = 0;

    while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < ARRAY_SIZE(units)) {
        bytes /= 1024;
        unit++;
    }
    text_addf(text, "%" PRId64 "%s", bytes, units[unit]);
}

/* duration_format cuts at a millisecond; what it cuts still makes a difference. */
static void show_duration(int64_t ns, Text *text)
{
    char duration[DURATION_TEXT_SIZE];
    int64_t rest = ns % 1000000;

    if (ns < 0) {
        text_addf(text, "%" PRId64 "ns", ns);
        return;
    }
    duration_format(ns, duration);
    if (rest == 0 || ns > rest)
        text_add(text, duration);
    if (rest != 0)
        text_addf(text, "%" PRId64 "ns", rest);
}

static void show_number(const Field *field, const cJSON *item, Text *text)
{
    int64_t number = json_int(item, "", INT64_MIN);

    if (number == INT64_MIN) { /* no integer at all */
        show_json(item, text);
        return;
    }
    if (show_nothing(field, number, text))
        return;
    if (field->type == FIELD_QUANTITY)
        show_quantity(number, text);
    else if (field->type == FIELD_DURATION)
        show_duration(number, text);
    else
        text_addf(text, "%" PRId64, number);
}

static void show_durations(const cJSON *list, Text *text)
{
    static const Field one = {.type = FIELD_DURATION};
    const cJSON *item = NULL;
    const char *comma = "[";

    cJSON_ArrayForEach (item, list) {
        text_add(text, comma);
        show_number(&one, item, text);
        comma = " ";
    }
    text_add(text, "]");
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

DEFINE_DEFER(const char **, defer_texts, free)

/* Sorted: the order of subjects and tags means nothing. */
static void show_texts(const cJSON *list, Text *text)
{
    size_t count = (size_t)cJSON_GetArraySize(list);
    DEFER(defer_texts) const char **texts = xcalloc(count, sizeof *texts);
    const cJSON *item = NULL;
    size_t i = 0;

    cJSON_ArrayForEach (item, list) {
        texts[i++] = cJSON_IsString(item) ? item->valuestring : "";
    }
    qsort(texts, count, sizeof *texts, compare_texts);
    for (i = 0; i < count; i++)
        text_addf(text, "%s%s", i == 0 ? "[" : " ", texts[i]);
    text_add(text, "]");
}

/* Without the zeros at the end of a fraction, as the server writes it. */
static void show_time(const char *time, Text *text)
{
    size_t length = strcspn(time, "Z");
    size_t kept = length;

    if (memchr(time, '.', length) != NULL) {
        while (time[kept - 1] == '0')
            kept--;
        if (time[kept - 1] == '.')
            kept--;
    }
    text_add_bytes(text, time, kept);
    text_add(text, time + length);
}

/* What the server may leave out as well as write. */
static bool is_empty(const cJSON *item)
{
    return item == NULL || cJSON_IsNull(item) || cJSON_IsInvalid(item) ||
           (cJSON_IsString(item) && *item->valuestring == '\0') ||
           ((cJSON_IsArray(item) || cJSON_IsObject(item)) && item->child == NULL);
}

static bool is_off(const cJSON *item)
{
    return cJSON_IsFalse(item) ||
           (cJSON_IsNumber(item) && !(item->valuedouble < 0) && !(item->valuedouble > 0));
}

static void show_word(const Field *field, const cJSON *item, Text *text)
{
    const FieldWord *word = field_word(field, item->valuestring);

    text_add(text, word != NULL ? word->word : item->valuestring);
}

static void show_value(const Field *field, const cJSON *item, Text *text)
{
    if (field->type == FIELD_ABSENT && is_off(item))
        text_add(text, "none");
    else if (field->type == FIELD_ENUM && cJSON_IsString(item))
        show_word(field, item, text);
    else if (field->type == FIELD_TIME && cJSON_IsString(item))
        show_time(item->valuestring, text);
    else if (field->type == FIELD_TEXTS && cJSON_IsArray(item))
        show_texts(item, text);
    else if (field->type == FIELD_DURATIONS && cJSON_IsArray(item))
        show_durations(item, text);
    else if (cJSON_IsString(item))
        text_add(text, item->valuestring);
    else if (field->type == FIELD_INT || field->type == FIELD_QUANTITY ||
             field->type == FIELD_DURATION)
        show_number(field, item, text);
    else
        show_json(item, text);
}

void field_show(const Field *field, const cJSON *item, Text *text)
{
    DEFER(defer_json) cJSON *fallback = is_empty(item) ? field_fallback(field) : NULL;
    const cJSON *value = is_empty(item) ? fallback : item;

    assert(field->type != FIELD_LABELS);
    if (is_empty(value))
        text_add(text, "none");
    else
        show_value(field, value, text);
}

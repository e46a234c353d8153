#include "json.h"

#include "alloc.h"

enum { DEPTH_MAX = 100, PATH_PART_MAX = 128 };

void json_init(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = xmalloc, .free_fn = free});
}

/* cJSON recurses as deep as its input does; so count first. */
static bool too_deep(const char *text, size_t length)
{
    int depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < length; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '[' || text[i] == '{') && ++depth > DEPTH_MAX)
            return true;
        else if (!quoted && (text[i] == ']' || text[i] == '}'))
            depth--;
    }
    return false;
}

int json_parse(const char *text, size_t length, cJSON **ret_json, Error *reterr)
{
    const char *end = NULL;

    if (too_deep(text, length))
        return error_set(reterr, ERROR_INVALID, "JSON nests deeper than %d levels", DEPTH_MAX);

    DEFER(defer_json) cJSON *json = cJSON_ParseWithLengthOpts(text, length, &end, false);
    if (json == NULL)
        return error_set(reterr, ERROR_INVALID, "not JSON");
    for (; end < text + length; end++) {
        if (*end != ' ' && *end != '\t' && *end != '\r' && *end != '\n')
            return error_set(reterr, ERROR_INVALID, "text after the JSON value");
    }
    *ret_json = TAKE(json);
    return 0;
}

char *json_print(const cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);

    assert(text != NULL);
    return text;
}

const cJSON *json_at(const cJSON *json, const char *path)
{
    while (json != NULL && *path != '\0') {
        char part[PATH_PART_MAX];
        size_t length = strcspn(path, ".");

        assert(length < sizeof part);
        memcpy(part, path, length);
        part[length] = '\0';
        json = cJSON_GetObjectItemCaseSensitive(json, part);
        path += length + (path[length] == '.' ? 1 : 0);
    }
    return json;
}

const char *json_text(const cJSON *json, const char *path, const char *fallback)
{
    const cJSON *item = json_at(json, path);

    return cJSON_IsString(item) ? item->valuestring : fallback;
}

/* The compiler flags == between doubles, and rightly so nearly everywhere else. */
static bool same_number(double a, double b)
{
    return !(a < b) && !(a > b);
}

int64_t json_int(const cJSON *json, const char *path, int64_t fallback)
{
    const cJSON *item = json_at(json, path);

    if (cJSON_IsRaw(item)) /* one that json_set_int wrote */
        return strtoll(item->valuestring, NULL, 10);
    if (!cJSON_IsNumber(item))
        return fallback;
    if (item->valuedouble >= 0x1p63)
        return INT64_MAX;
    if (item->valuedouble <= -0x1p63)
        return INT64_MIN;
    int64_t whole = (int64_t)item->valuedouble;
    return same_number((double)whole, item->valuedouble) ? whole : fallback;
}

bool json_bool(const cJSON *json, const char *path, bool fallback)
{
    const cJSON *item = json_at(json, path);

    return cJSON_IsBool(item) ? cJSON_IsTrue(item) : fallback;
}

void json_set(cJSON *object, const char *name, cJSON *item)
{
    assert(item != NULL);
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    (void)cJSON_AddItemToObject(object, name, item);
}

cJSON *json_new_int(int64_t number)
{
    char digits[24];

    (void)snprintf(digits, sizeof digits, "%" PRId64, number);
    return cJSON_CreateRaw(digits);
}

/* cJSON prints a raw item's text, and frees it with the item. */
static void keep_digits(cJSON *item)
{
    int64_t whole = json_int(item, "", INT64_MIN);

    if (!cJSON_IsNumber(item) || whole == INT64_MIN)
        return;
    item->valuestring = xasprintf("%" PRId64, whole);
    item->type = cJSON_Raw;
}

void json_set_integers(cJSON *json)
{
    cJSON *item = NULL;

    keep_digits(json);
    cJSON_ArrayForEach (item, json) {
        json_set_integers(item);
    }
}

void json_set_int(cJSON *object, const char *name, int64_t number)
{
    json_set(object, name, json_new_int(number));
}

void json_set_text(cJSON *object, const char *name, const char *text)
{
    json_set(object, name, cJSON_CreateString(text));
}

void json_set_bool(cJSON *object, const char *name, bool truth)
{
    json_set(object, name, cJSON_CreateBool(truth));
}

/* Integers are raw where json_set_int wrote them and numbers where they were parsed. */
static bool is_number(const cJSON *item)
{
    return cJSON_IsNumber(item) || cJSON_IsRaw(item);
}

static double double_of(const cJSON *item)
{
    return cJSON_IsRaw(item) ? (double)json_int(item, "", 0) : item->valuedouble;
}

static bool numbers_equal(const cJSON *a, const cJSON *b)
{
    if (cJSON_IsRaw(a) && cJSON_IsRaw(b))
        return text_eq(a->valuestring, b->valuestring);
    return same_number(double_of(a), double_of(b));
}

static bool members_equal(const cJSON *a, const cJSON *b)
{
    const cJSON *item = NULL;

    if (cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
        return false;
    cJSON_ArrayForEach (item, a) {
        if (!json_equal(item, cJSON_GetObjectItemCaseSensitive(b, item->string)))
            return false;
    }
    return true;
}

static bool elements_equal(const cJSON *a, const cJSON *b)
{
    const cJSON *left = a->child;
    const cJSON *right = b->child;

    for (; left != NULL && right != NULL; left = left->next, right = right->next) {
        if (!json_equal(left, right))
            return false;
    }
    return left == right;
}

bool json_equal(const cJSON *a, const cJSON *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (cJSON_IsObject(a) && cJSON_IsObject(b))
        return members_equal(a, b);
    if (cJSON_IsArray(a) && cJSON_IsArray(b))
        return elements_equal(a, b);
    if (is_number(a) && is_number(b))
        return numbers_equal(a, b);
    return cJSON_Compare(a, b, true);
}

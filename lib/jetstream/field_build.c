#include "field_value.h"

enum { NAME_MAX_SIZE = 128 };

const char *api_level_version(int64_t level)
{
    static const char *const versions[] = {"2.10", "2.11", "2.12", "2.12.5", "2.14", "2.15"};

    assert(level >= 0 && (size_t)level < ARRAY_SIZE(versions));
    return versions[level];
}

/* Puts ITEM at "a.b" of CONFIG, making "a" where it is not there yet. */
static void put(cJSON *config, const char *api, cJSON *item)
{
    const char *dot = strchr(api, '.');
    char parent[NAME_MAX_SIZE];

    if (dot == NULL) {
        json_set(config, api, item);
        return;
    }
    assert((size_t)(dot - api) < sizeof parent && strchr(dot + 1, '.') == NULL);
    memcpy(parent, api, (size_t)(dot - api));
    parent[dot - api] = '\0';

    cJSON *object = cJSON_GetObjectItemCaseSensitive(config, parent);
    if (object == NULL) {
        object = cJSON_CreateObject();
        json_set(config, parent, object);
    }
    json_set(object, dot + 1, item);
}

static int64_t level_needed(const Field *field, const cJSON *item)
{
    const FieldWord *word = field->type == FIELD_ENUM ? field_word(field, item->valuestring) : NULL;

    return word != NULL ? max_i64(word->level, field->level) : field->level;
}

static bool is_fallback(const Field *field, const cJSON *item)
{
    DEFER(defer_json) cJSON *fallback = field_fallback(field);

    return fallback != NULL && json_equal(item, fallback);
}

/* The value from the manifest, or its default; NULL where there is neither, or where the server
 * does not know the field and it says no more than the default. */
static int build_item(const Field *field, const FieldInput *input, cJSON **ret_item, Error *reterr)
{
    const cJSON *value = field->path == NULL ? NULL : json_at(input->spec, field->path);
    DEFER(defer_json) cJSON *item = NULL;

    if (value == NULL || cJSON_IsNull(value)) {
        *ret_item = field->level <= input->api_level ? field_fallback(field) : NULL;
        return 0;
    }
    if (field_read(field, value, &item, reterr) < 0)
        return -1;
    if (level_needed(field, item) <= input->api_level) {
        *ret_item = TAKE(item);
        return 0;
    }
    if (!is_fallback(field, item))
        return error_set(reterr, ERROR_UNSUPPORTED,
                         "needs NATS %s (API level %" PRId64 "); the server has level %" PRId64,
                         api_level_version(level_needed(field, item)), level_needed(field, item),
                         input->api_level);
    *ret_item = NULL;
    return 0;
}

int fields_build(const FieldTable *table, const FieldInput *input, cJSON **ret_config,
                 Error *reterr)
{
    DEFER(defer_json) cJSON *config = cJSON_CreateObject();

    if (input->spec != NULL && !cJSON_IsObject(input->spec))
        return error_set(reterr, ERROR_INVALID, "%s: must be an object", input->where);
    for (size_t i = 0; i < table->count; i++) {
        const Field *field = &table->rows[i];
        cJSON *item = NULL;

        if (build_item(field, input, &item, reterr) < 0)
            return error_wrap(reterr, "%s.%s", input->where, field->path);
        if (item != NULL)
            put(config, field->api, item);
    }
    *ret_config = TAKE(config);
    return 0;
}

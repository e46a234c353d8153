#include "applied_fields.h"

enum { DEPTH_MAX = 32 };

/* managedFields' entry of MANAGER: only what was applied, and not to a subresource. */
static const cJSON *own_fields(const cJSON *object, const char *manager)
{
    const cJSON *entry = NULL;

    cJSON_ArrayForEach (entry, json_at(object, "metadata.managedFields")) {
        if (text_eq(json_text(entry, "manager", ""), manager) &&
            text_eq(json_text(entry, "operation", ""), "Apply") &&
            *json_text(entry, "subresource", "") == '\0')
            return json_at(entry, "fieldsV1");
    }
    return NULL;
}

/* True if every member of KEY is in ELEMENT with the same value. */
static bool key_matches(const cJSON *key, const cJSON *element)
{
    const cJSON *member = NULL;

    cJSON_ArrayForEach (member, key) {
        if (!json_equal(member, cJSON_GetObjectItemCaseSensitive(element, member->string)))
            return false;
    }
    return cJSON_IsObject(key);
}

/* The element that a name such as `k:{"name":"billing"}` or `v:"x"` stands for, or NULL. */
static const cJSON *element_find(const cJSON *array, const char *name)
{
    DEFER(defer_json) cJSON *wanted = NULL;
    const cJSON *element = NULL;
    Error ignored;

    if (json_parse(name + 2, strlen(name + 2), &wanted, &ignored) < 0)
        return NULL;
    cJSON_ArrayForEach (element, array) {
        if (name[0] == 'k' ? key_matches(wanted, element) : json_equal(wanted, element))
            return element;
    }
    return NULL;
}

static cJSON *extract(const cJSON *fields, const cJSON *value, int depth);

static void object_extract(const cJSON *fields, const cJSON *value, int depth, cJSON *made)
{
    const cJSON *field = NULL;

    cJSON_ArrayForEach (field, fields) {
        const cJSON *member = text_starts(field->string, "f:")
                                  ? cJSON_GetObjectItemCaseSensitive(value, field->string + 2)
                                  : NULL;

        if (member != NULL)
            json_set(made, member->string, extract(field, member, depth + 1));
    }
}

static void array_extract(const cJSON *fields, const cJSON *value, int depth, cJSON *made)
{
    const cJSON *field = NULL;

    cJSON_ArrayForEach (field, fields) {
        const cJSON *element = text_starts(field->string, "k:") || text_starts(field->string, "v:")
                                   ? element_find(value, field->string)
                                   : NULL;

        if (element != NULL)
            (void)cJSON_AddItemToArray(made, extract(field, element, depth + 1));
    }
}

/* FIELDS is a tree of names: `f:` a member, `k:` and `v:` an element of a list, `.` the thing
 * itself. A leaf is owned whole. */
static cJSON *extract(const cJSON *fields, const cJSON *value, int depth)
{
    const bool leaf = fields->child == NULL;
    cJSON *made = NULL;

    if (leaf || depth == DEPTH_MAX || (!cJSON_IsObject(value) && !cJSON_IsArray(value)))
        return cJSON_Duplicate(value, true);
    made = cJSON_IsObject(value) ? cJSON_CreateObject() : cJSON_CreateArray();
    if (cJSON_IsObject(value))
        object_extract(fields, value, depth, made);
    else
        array_extract(fields, value, depth, made);
    return made;
}

cJSON *applied_fields(const cJSON *object, const char *manager)
{
    static const char *const parts[] = {"metadata", "spec"};
    const cJSON *fields = own_fields(object, manager);
    cJSON *made = cJSON_CreateObject();

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "f:%s", parts[i]);
        const cJSON *part = cJSON_GetObjectItemCaseSensitive(fields, name);
        json_set(made, parts[i],
                 part != NULL && json_at(object, parts[i]) != NULL
                     ? extract(part, json_at(object, parts[i]), 0)
                     : cJSON_CreateObject());
    }
    return made;
}

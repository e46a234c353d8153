/* What server-side apply makes of an object that one manager owns, as far as plans look at it. */
#ifndef APPLIED_H
#define APPLIED_H

#include "json.h"

/* Every member of VALUE, as fieldsV1 names them. */
static inline void applied_own(cJSON *fields, const cJSON *value)
{
    const cJSON *member = NULL;

    cJSON_ArrayForEach (member, value) {
        char name[128];
        cJSON *inner = cJSON_CreateObject();

        (void)snprintf(name, sizeof name, "f:%s", member->string);
        if (cJSON_IsObject(member))
            applied_own(inner, member);
        json_set(fields, name, inner);
    }
}

/* The object as the API server would have it after BODY was applied, as far as we look at it. */
static inline cJSON *applied_object(const cJSON *body, const char *manager, const char *version)
{
    cJSON *object = cJSON_Duplicate(body, true);
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    cJSON *all = cJSON_CreateArray();
    cJSON *entry = cJSON_CreateObject();
    cJSON *fields = cJSON_CreateObject();
    cJSON *owned_metadata = cJSON_CreateObject();
    static const char *const kept[] = {"labels", "annotations"};

    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        const cJSON *part = json_at(metadata, kept[i]);

        if (part != NULL)
            json_set(owned_metadata, kept[i], cJSON_Duplicate(part, true));
    }
    cJSON *tree = cJSON_CreateObject();
    json_set(tree, "metadata", owned_metadata);
    json_set(tree, "spec", cJSON_Duplicate(json_at(body, "spec"), true));
    applied_own(fields, tree);
    cJSON_Delete(tree);
    json_set_text(entry, "manager", manager);
    json_set_text(entry, "operation", "Apply");
    json_set(entry, "fieldsV1", fields);
    (void)cJSON_AddItemToArray(all, entry);
    json_set(metadata, "managedFields", all);
    json_set_text(metadata, "uid", "uid-1");
    json_set_text(metadata, "resourceVersion", version);
    return object;
}

#endif

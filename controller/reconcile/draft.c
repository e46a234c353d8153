#include "draft.h"

char *draft_print(const Tenant *tenant, const cJSON *status)
{
    DEFER(defer_json) cJSON *draft = cJSON_CreateObject();

    json_set_text(draft, "resourceVersion", tenant->resource_version);
    json_set(draft, "status", cJSON_Duplicate(status, true));
    return json_print(draft);
}

cJSON *draft_read(const char *draft, const Tenant *tenant)
{
    DEFER(defer_json) cJSON *json = NULL;
    Error error;

    if (json_parse(draft, strlen(draft), &json, &error) < 0 ||
        !text_eq(json_text(json, "resourceVersion", ""), tenant->resource_version))
        return NULL;
    json_set_integers(json);
    return cJSON_DetachItemFromObjectCaseSensitive(json, "status");
}

#include "ownership.h"

static const char *mark(const cJSON *config, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json_at(config, "metadata"), key);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}

Owner owner_of(const cJSON *config, const char *uid, const char *cluster)
{
    const char *owner = mark(config, OWNER_KEY_UID);
    const char *home = mark(config, OWNER_KEY_CLUSTER);

    if (owner == NULL && home == NULL)
        return OWNER_NONE;
    if (owner == NULL || home == NULL || !text_eq(home, cluster))
        return OWNER_OTHER;
    return text_eq(owner, uid) ? OWNER_SELF : OWNER_FORMER;
}

void owner_mark(cJSON *metadata, const char *uid, const char *cluster)
{
    json_set_text(metadata, OWNER_KEY_UID, uid);
    json_set_text(metadata, OWNER_KEY_CLUSTER, cluster);
}

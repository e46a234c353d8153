#include "tenant.h"

/* An unknown word must not make the controller act: it came from a newer version, and
 * tenant_desired will say so. */
static TenantMode mode_read(const cJSON *spec)
{
    const char *mode = json_text(spec, "mode", "Enforce");

    if (text_eq(mode, "Enforce"))
        return TENANT_ENFORCE;
    return text_eq(mode, "Suspend") ? TENANT_SUSPEND : TENANT_OBSERVE;
}

static bool has_finalizer(const cJSON *metadata)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, json_at(metadata, "finalizers")) {
        if (cJSON_IsString(item) && text_eq(item->valuestring, TENANT_FINALIZER))
            return true;
    }
    return false;
}

int tenant_parse(const cJSON *object, Tenant *ret_tenant, Error *reterr)
{
    const cJSON *metadata = json_at(object, "metadata");
    const cJSON *spec = json_at(object, "spec");
    Tenant tenant = {
        .id = json_text(metadata, "name", ""),
        .uid = json_text(metadata, "uid", ""),
        .resource_version = json_text(metadata, "resourceVersion", ""),
        .deletion_timestamp = json_text(metadata, "deletionTimestamp", NULL),
        .generation = json_int(metadata, "generation", 0),
        .has_finalizer = has_finalizer(metadata),
        .delete_data = text_eq(json_text(spec, "deletionPolicy", ""), "Delete"),
        .adopt = text_eq(json_text(spec, "stream.adoption", ""), "Adopt"),
        .mode = mode_read(spec),
        .metadata = metadata,
        .spec = spec,
        .status = json_at(object, "status"),
    };

    if (*tenant.id == '\0' || *tenant.uid == '\0' || *tenant.resource_version == '\0')
        return error_set(reterr, ERROR_INVALID,
                         "Tenant '%.64s': metadata must have name, uid and resourceVersion",
                         tenant.id);
    if (tenant_id_valid(tenant.id))
        stream_name(tenant.id, tenant.stream);
    *ret_tenant = tenant;
    return 0;
}

bool tenant_declares_consumer(const Tenant *tenant, const char *name)
{
    const cJSON *consumer = NULL;

    cJSON_ArrayForEach (consumer, json_at(tenant->spec, "consumers")) {
        if (text_eq(json_text(consumer, "name", ""), name))
            return true;
    }
    return false;
}

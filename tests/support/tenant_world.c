#include "tenant_world.h"

static const TenantScope scope = {.cluster = WORLD_CLUSTER, .api_level = 2, .replicas = 1};

cJSON *world_json(const char *text)
{
    cJSON *json = NULL;
    Error error = {0};

    if (json_parse(text, strlen(text), &json, &error) < 0)
        fail_msg("%s: %s", error.text, text);
    return json;
}

static cJSON *object_new(const char *spec, const char *uid)
{
    cJSON *object = world_json("{\"metadata\":{\"name\":\"acme\",\"resourceVersion\":\"7\","
                               "\"generation\":3}}");

    json_set_text(cJSON_GetObjectItem(object, "metadata"), "uid", uid);
    json_set(object, "spec", world_json(spec));
    return object;
}

static void desire(const Tenant *tenant, TenantDesired *ret_desired)
{
    Error error = {0};

    if (tenant_desired(tenant, &scope, ret_desired, &error) < 0)
        fail_msg("%s", error.text);
}

static void parse(const cJSON *object, Tenant *ret_tenant)
{
    Error error = {0};

    if (tenant_parse(object, ret_tenant, &error) < 0)
        fail_msg("%s", error.text);
}

void world_init(World *world, const char *spec)
{
    *world = (World){.object = object_new(spec, WORLD_UID), .api_level = scope.api_level};
    parse(world->object, &world->tenant);
    desire(&world->tenant, &world->desired);
}

void world_done(World *world)
{
    tenant_desired_done(&world->desired);
    observed_done(&world->observed);
    cJSON_Delete(world->object);
    *world = (World){0};
}

void world_declare(World *world, const char *spec)
{
    tenant_desired_done(&world->desired);
    json_set(world->object, "spec", world_json(spec));
    parse(world->object, &world->tenant);
    desire(&world->tenant, &world->desired);
}

void world_set(World *world, const char *member, const char *json)
{
    bool status = text_eq(member, "status");
    cJSON *parent = status ? world->object : cJSON_GetObjectItem(world->object, "metadata");

    json_set(parent, member, world_json(json));
    parse(world->object, &world->tenant);
}

/* CONFIG with what a server adds to it. */
static cJSON *info_new(const cJSON *config)
{
    cJSON *info = cJSON_CreateObject();
    cJSON *reported = cJSON_Duplicate(config, true);
    cJSON *metadata = cJSON_GetObjectItem(reported, "metadata");

    json_set_text(metadata, "_nats.ver", "2.15.2");
    json_set_text(metadata, "_nats.level", "2");
    json_set_bool(reported, "a_field_of_a_later_server", true);
    json_set(info, "config", reported);
    json_set_text(info, "created", "2026-01-01T00:00:00.123456789Z");
    return info;
}

void world_observe(World *world, const char *spec, const char *uid)
{
    cJSON *object = object_new(spec, uid);
    TenantDesired desired;
    Tenant tenant;

    parse(object, &tenant);
    desire(&tenant, &desired);
    observed_done(&world->observed);
    world->observed.stream = info_new(desired.stream);
    world->observed.consumers = cJSON_CreateArray();
    for (size_t i = 0; i < desired.consumer_count; i++) {
        cJSON *info = info_new(desired.consumers[i].config);

        json_set_text(info, "name", desired.consumers[i].name);
        (void)cJSON_AddItemToArray(world->observed.consumers, info);
    }
    tenant_desired_done(&desired);
    cJSON_Delete(object);
}

int world_plan(const World *world, Plan *ret_plan, Error *reterr)
{
    const PlanInput input = {.tenant = &world->tenant,
                             .desired = &world->desired,
                             .observed = &world->observed,
                             .cluster = WORLD_CLUSTER,
                             .api_level = world->api_level};

    return tenant_plan(&input, ret_plan, reterr);
}

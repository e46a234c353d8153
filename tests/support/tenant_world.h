/* A Tenant as a manifest, and a JetStream that has what some manifest asked for. */
#ifndef TENANT_WORLD_H
#define TENANT_WORLD_H

#include "tenant_plan.h"
#include "unit.h"

#define WORLD_CLUSTER "cluster-1"
#define WORLD_UID     "uid-1"

typedef struct World {
    cJSON *object; /* the Tenant `acme`, whose uid is WORLD_UID */
    Tenant tenant;
    TenantDesired desired;
    Observed observed;
    int64_t api_level; /* of the server, for changes */
} World;

/* The Tenant with this SPEC, as JSON, and an empty JetStream. */
void world_init(World *world, const char *spec);
void world_done(World *world);

/* Gives the Tenant another spec, status or other metadata. */
void world_declare(World *world, const char *spec);
void world_set(World *world, const char *member, const char *json);

/* JetStream has exactly what SPEC asks for, with UID as the owner, as a server would report it. */
void world_observe(World *world, const char *spec, const char *uid);

/* What tenant_plan says of it. */
int world_plan(const World *world, Plan *ret_plan, Error *reterr) MUST_CHECK;

/* TEXT as JSON; the caller's. */
cJSON *world_json(const char *text);

#endif

/* Whose a stream or a consumer is: the mark in its metadata. Pure. */
#ifndef OWNERSHIP_H
#define OWNERSHIP_H

#include "json.h"

#define OWNER_KEY_UID     "bulkhead.dev/uid"
#define OWNER_KEY_CLUSTER "bulkhead.dev/cluster"

typedef enum Owner {
    OWNER_SELF,
    OWNER_NONE,   /* no mark                                                              */
    OWNER_FORMER, /* this cluster's, another uid: left by an earlier Tenant of this name  */
    OWNER_OTHER,  /* another cluster's, or half a mark: never touched                     */
} Owner;

/* Reads the mark of CONFIG, a stream's or consumer's configuration as the server reports it. */
Owner owner_of(const cJSON *config, const char *uid, const char *cluster);

/* Adds the mark to METADATA, an object. */
void owner_mark(cJSON *metadata, const char *uid, const char *cluster);

#endif

/* What a Tenant asks of the relay. The controller writes it into the stream's metadata, the
 * relay reads it there: the two need no other way to talk. Pure. */
#ifndef RELAY_SETTINGS_H
#define RELAY_SETTINGS_H

#include "base.h"
#include "error.h"
#include "json.h"

typedef enum RelayOrdering {
    RELAY_ORDERING_NONE,
    RELAY_ORDERING_KEY, /* rows of one ordering_key go out in the order of their commits */
} RelayOrdering;

typedef enum RelayOnDead {
    RELAY_ON_DEAD_CONTINUE,
    RELAY_ON_DEAD_BLOCK, /* a dead row holds the rows of its key behind it */
} RelayOnDead;

typedef struct RelaySettings {
    int64_t weight; /* share of a tenant among those that wait */
    RelayOrdering ordering;
    RelayOnDead on_dead;
    int64_t events_per_second; /* 0: no limit                 */
    int64_t burst;             /* 0: as events_per_second     */
    bool hold;                 /* mode Suspend: publish nothing */
} RelaySettings;

/* Metadata keys. Only values that are not the default are written. */
#define RELAY_KEY_PREFIX            "bulkhead.dev/relay."
#define RELAY_KEY_WEIGHT            RELAY_KEY_PREFIX "weight"
#define RELAY_KEY_ORDERING          RELAY_KEY_PREFIX "ordering"
#define RELAY_KEY_ON_DEAD           RELAY_KEY_PREFIX "on-dead"
#define RELAY_KEY_EVENTS_PER_SECOND RELAY_KEY_PREFIX "events-per-second"
#define RELAY_KEY_BURST             RELAY_KEY_PREFIX "burst"
#define RELAY_KEY_HOLD              RELAY_KEY_PREFIX "hold"

/* weight 1, no ordering, continue, no limits, no hold. */
RelaySettings relay_settings_default(void);

/* From the settings of a Tenant, which fields_build made with tenant_fields, and so checked. */
RelaySettings relay_settings_of(const cJSON *settings);

/* Adds the keys to METADATA, an object. */
void relay_settings_write(const RelaySettings *settings, cJSON *metadata);

/* From the metadata of a stream (NULL: none). ERROR_INVALID with the key for a value that
 * relay_settings_write does not write. */
int relay_settings_parse(const cJSON *metadata, RelaySettings *ret_settings, Error *reterr)
    MUST_CHECK;

#endif

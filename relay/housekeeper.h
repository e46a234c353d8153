/* What a replica does beside publishing: deletes rows that were published long enough ago, and
 * measures what waits. A thread with a connection of its own. */
#ifndef HOUSEKEEPER_H
#define HOUSEKEEPER_H

#include "outbox.h"

typedef struct HousekeeperSettings {
    OutboxSettings outbox;
    int64_t keep_ms; /* 0: nothing is kept, so that nothing is to be deleted */
} HousekeeperSettings;

typedef struct Housekeeper Housekeeper;

/* Runs until a stop is requested (stop.h). */
int housekeeper_start(const HousekeeperSettings *settings, Housekeeper **ret_housekeeper,
                      Error *reterr) MUST_CHECK;

/* Waits for its end. Takes NULL. */
void housekeeper_join(Housekeeper *self);

#endif

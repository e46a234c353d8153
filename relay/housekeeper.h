/* What a replica does beside publishing: deletes rows that were published long enough ago,
 * measures what waits, and reports it.
 *
 * A thread that makes, uses and ends its own connections to PostgreSQL and NATS: nothing of it is
 * shared with the workers, so that it does not matter who of them ends first. */
#ifndef HOUSEKEEPER_H
#define HOUSEKEEPER_H

#include "outbox.h"
#include "reporter.h"

typedef struct HousekeeperSettings {
    OutboxSettings outbox;
    ReporterSettings reporter;
    int64_t keep_ms;   /* 0: nothing is kept, so that nothing is to be deleted */
    int64_t report_ms; /* between two measurements */
} HousekeeperSettings;

typedef struct Housekeeper Housekeeper;

/* Runs until a stop is requested (stop.h). ERROR_INVALID for settings that can never work. */
int housekeeper_start(const HousekeeperSettings *settings, Housekeeper **ret_housekeeper,
                      Error *reterr) MUST_CHECK;

/* Waits for its end, which comes within seconds of a stop. Takes NULL. */
void housekeeper_join(Housekeeper *self);

#endif

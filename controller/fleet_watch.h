/* The thread that keeps the fleet's knowledge fresh: questions to all servers for the numbers of
 * all tenants, and an ear for the relays' reports. */
#ifndef FLEET_WATCH_H
#define FLEET_WATCH_H

#include "connection.h"
#include "fleet.h"
#include "pulse.h"

typedef struct FleetWatch FleetWatch;

typedef struct FleetWatchSettings {
    NatsConnection *nats;
    NatsConnection *system; /* as a user of the system account; NULL: ask no servers */
    Fleet *fleet;
    int64_t interval_ms; /* between two questions */
    Pulse *pulse;        /* of the loop; NULL: nobody asks */
} FleetWatchSettings;

/* Runs until a stop is requested (stop.h). What SETTINGS points to is borrowed. */
FleetWatch *fleet_watch_start(const FleetWatchSettings *settings)
    __attribute__((__returns_nonnull__));

/* Waits for the thread's end. Takes NULL. */
void fleet_watch_join(FleetWatch *self);

/* Only after nats_disconnect(): until then a last report may still be on its way. Takes NULL. */
void fleet_watch_free(FleetWatch *self);

/* Call once, from main. */
void fleet_watch_register_metrics(void);

#endif

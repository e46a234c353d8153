/* The thread that notices what changed in JetStream: advisories at once, and a sweep over all
 * streams now and then as the net below them (advisories are sent at most once). */
#ifndef DRIFT_WATCH_H
#define DRIFT_WATCH_H

#include "connection.h"
#include "dispatcher.h"
#include "fleet.h"
#include "pulse.h"

typedef struct DriftWatch DriftWatch;

typedef struct DriftWatchSettings {
    NatsConnection *nats;
    const char *name; /* of the connection: what its client did itself is no drift */
    Dispatcher *dispatcher;
    Fleet *fleet;
    int64_t sweep_ms;
    Pulse *pulse; /* of the loop, the first sweep included; NULL: nobody asks */
} DriftWatchSettings;

/* Runs until a stop is requested (stop.h). What SETTINGS points to is borrowed. When it returns and
 * NATS is connected, nothing that happens from here on is missed, and all streams were looked at
 * once: start it before the workers, so that what they write first says all. */
DriftWatch *drift_watch_start(const DriftWatchSettings *settings)
    __attribute__((__returns_nonnull__));

/* Waits for the thread's end. */
void drift_watch_join(DriftWatch *self);

/* Only after nats_disconnect(): until then a last advisory may still be on its way. Takes NULL. */
void drift_watch_free(DriftWatch *self);

#endif

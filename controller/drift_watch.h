/* The thread that notices what changed in JetStream: advisories at once, and a sweep over all
 * streams now and then as the net below them (advisories are sent at most once). */
#ifndef DRIFT_WATCH_H
#define DRIFT_WATCH_H

#include "connection.h"
#include "dispatcher.h"

typedef struct DriftWatch DriftWatch;

typedef struct DriftWatchSettings {
    NatsConnection *nats;
    const char *name; /* of the connection: what its client did itself is no drift */
    Dispatcher *dispatcher;
    int64_t sweep_ms;
} DriftWatchSettings;

/* Runs until a stop is requested (stop.h). What SETTINGS points to is borrowed. */
DriftWatch *drift_watch_start(const DriftWatchSettings *settings)
    __attribute__((__returns_nonnull__));

/* Waits for the thread's end; no advisory is handled afterwards. Takes NULL. */
void drift_watch_join(DriftWatch *self);

#endif

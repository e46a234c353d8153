/* A look at every stream, 256 at a time: the tenants whose stream changed since the last look, or
 * vanished, are queued, and the fleet hears which streams reach into others. */
#ifndef SWEEP_H
#define SWEEP_H

#include "connection.h"
#include "dispatcher.h"
#include "fleet.h"

/* What the last sweep saw. */
typedef struct Sweep Sweep;

Sweep *sweep_new(void) __attribute__((__returns_nonnull__));
void sweep_free(Sweep *sweep);
DEFINE_DEFER(Sweep *, defer_sweep, sweep_free)

/* Who hears what a sweep finds. */
typedef struct SweepListeners {
    Dispatcher *dispatcher;
    Fleet *fleet;
} SweepListeners;

/* Errors as of api_request(); what was seen until then counts, except for the fleet. */
int sweep_run(Sweep *sweep, NatsConnection *nats, const SweepListeners *listeners, Error *reterr)
    MUST_CHECK;

#endif

/* A look at every stream, 256 at a time: the tenants whose stream changed since it was last looked
 * at, or vanished, are queued, and the fleet hears which streams reach into others. */
#ifndef SWEEP_H
#define SWEEP_H

#include "connection.h"
#include "dispatcher.h"
#include "fleet.h"
#include "pulse.h"

/* Who hears what a sweep finds. */
typedef struct SweepListeners {
    Dispatcher *dispatcher;
    Fleet *fleet;
    Pulse *pulse; /* beats before each page; NULL: nobody asks */
} SweepListeners;

/* Errors as of api_request(); what was seen until then counts, except for the fleet. */
int sweep_run(NatsConnection *nats, const SweepListeners *listeners, Error *reterr) MUST_CHECK;

#endif

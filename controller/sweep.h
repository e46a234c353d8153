/* A look at every tenant's stream, 256 at a time: those that changed since the last look, or
 * vanished, are queued. */
#ifndef SWEEP_H
#define SWEEP_H

#include "connection.h"
#include "dispatcher.h"

/* What the last sweep saw. */
typedef struct Sweep Sweep;

Sweep *sweep_new(void) __attribute__((__returns_nonnull__));
void sweep_free(Sweep *sweep);
DEFINE_DEFER(Sweep *, defer_sweep, sweep_free)

/* Errors as of api_request(); what was seen until then counts. */
int sweep_run(Sweep *sweep, NatsConnection *nats, Dispatcher *dispatcher, Error *reterr) MUST_CHECK;

#endif

/* One worker's work: takes rows from the outbox, brings them to their streams, writes down what
 * became of them. A turn is one batch, or one look for work.
 *
 *     plan -> exchange (settle the last batch, fetch the next) -> publish -> wait for answers */
#ifndef DRAIN_H
#define DRAIN_H

#include "outbox.h"
#include "sink.h"

typedef struct DrainSettings {
    OutboxSettings outbox;
    SinkSettings sink;
    int64_t batch;
    int64_t poll_ms;
    int64_t max_attempts;
    size_t worker; /* the number of this one, of so many workers */
    size_t workers;
    PostgresWaiter waiter;
} DrainSettings;

typedef struct Drain Drain;

/* Connects to nothing that must answer; ERROR_INVALID for settings that can never work. */
int drain_new(const DrainSettings *settings, Drain **ret_drain, Error *reterr) MUST_CHECK;
void drain_free(Drain *self);
DEFINE_DEFER(Drain *, defer_drain, drain_free)

/* Opens the database. */
int drain_open(Drain *self, Error *reterr) MUST_CHECK;
bool drain_is_open(Drain *self);

/* True while there is a connection to NATS; else why not. */
bool drain_has_nats(Drain *self, char ret_why[ERROR_TEXT_MAX]);

/* One turn; it sleeps by itself when there is nothing to do. On an error the database's connection
 * is closed, and what was not committed is pending again. */
int drain_turn(Drain *self, Error *reterr) MUST_CHECK;

/* The end: waits a moment for answers that are due, and writes them down. Fetches nothing. */
int drain_finish(Drain *self, Error *reterr) MUST_CHECK;

#endif

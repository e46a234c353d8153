/* Whether what a stream reserves fits, said with numbers. */
#ifndef CAPACITY_H
#define CAPACITY_H

#include <pthread.h>

#include "connection.h"
#include "fleet.h"
#include "reservation.h"

/* What the account has left, as last read. */
typedef struct Capacity {
    NatsConnection *nats;
    Fleet *fleet;

    pthread_mutex_t lock; /* guards the rest */
    cJSON *account;       /* NULL: not known */
    int64_t read_ms;
} Capacity;

void capacity_init(Capacity *self, NatsConnection *nats, Fleet *fleet);
void capacity_done(Capacity *self);

/* ERROR_LIMIT if RESERVATION is more than the account has left for STREAM. What cannot be read is
 * left for the server to decide. */
int capacity_check(Capacity *self, const Reservation *reservation, const char *stream,
                   Error *reterr) MUST_CHECK;

/* Makes of ERROR, the server's refusal, one with numbers: of the account, or of each server where
 * those are known. */
void capacity_explain(Capacity *self, const Reservation *reservation, const char *stream,
                      Error *error);

#endif

/* Whether what a stream reserves fits, said with numbers. */
#ifndef CAPACITY_H
#define CAPACITY_H

#include <pthread.h>

#include "connection.h"
#include "fleet.h"
#include "reservation.h"

/* What the account has left, as last read. */
typedef struct Capacity {
    pthread_mutex_t lock; /* guards the rest */
    cJSON *account;       /* NULL: not read yet */
    int64_t read_ms;
} Capacity;

void capacity_init(Capacity *self);
void capacity_done(Capacity *self);

/* ERROR_LIMIT if RESERVATION is more than the account has left for STREAM. What cannot be read is
 * left for the server to decide. */
int capacity_check(Capacity *self, NatsConnection *nats, const Reservation *reservation,
                   const char *stream, Error *reterr) MUST_CHECK;

/* Adds to ERROR, the server's refusal, what was asked for and what each server has left, where that
 * is known. */
void capacity_explain(Fleet *fleet, const Reservation *reservation, Error *error);

#endif

/* What a stream reserves, against what there is to reserve: max_bytes of every stream counts as
 * taken, whether it is filled or not. Pure. */
#ifndef RESERVATION_H
#define RESERVATION_H

#include "error.h"
#include "json.h"
#include "text.h"

typedef struct Reservation {
    bool memory;      /* of memory, not of files           */
    int64_t bytes;    /* of one replica; 0: none           */
    int64_t replicas; /* at least 1                        */
    int64_t before;   /* that the stream has reserved already, of one replica */
    int64_t before_replicas;
} Reservation;

/* What a stream of configuration DESIRED reserves in the place of OBSERVED (NULL: there is none).
 */
Reservation reservation_of(const cJSON *desired, const cJSON *observed);

/* True if it is more than before, so that it may not fit. */
bool reservation_grows(const Reservation *self);

/* ERROR_LIMIT, with the numbers, if it does not fit into what ACCOUNT, the answer to $JS.API.INFO,
 * has left. */
int reservation_check(const Reservation *self, const cJSON *account, Error *reterr) MUST_CHECK;

/* "10Gi", "1.5Gi", "300" */
void reservation_quantity(int64_t bytes, Text *text);

#endif

/* How long to wait before the next try. Pure: the random number is handed in. */
#ifndef BACKOFF_H
#define BACKOFF_H

#include "base.h"

typedef struct Backoff {
    int64_t first_ms;
    int64_t last_ms; /* the cap */
} Backoff;

/* min(last, first * 2^attempt), times a factor between 0.5 and 1 taken from RANDOM, so that
 * many who failed together do not come back together. ATTEMPT counts from 0. */
int64_t backoff_delay_ms(const Backoff *backoff, uint32_t attempt, uint32_t random);

#endif

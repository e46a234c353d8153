/* A token bucket for each source. Of fixed size: with more sources than places the one that was
 * silent longest starts anew with a full bucket. Pure: the time is handed in. */
#ifndef RATE_LIMIT_H
#define RATE_LIMIT_H

#include "base.h"

enum { RATE_SETS = 4096, RATE_WAYS = 4 };

typedef struct RateBucket {
    uint64_t source;     /* a hash of it; 0: free */
    int64_t thousandths; /* of a token */
    int64_t seen_ms;
} RateBucket;

typedef struct RateLimit {
    int64_t per_second; /* 0: no limit */
    int64_t burst;
    uint64_t seed; /* random, so that nobody can choose whom to share a place with */
    RateBucket buckets[RATE_SETS][RATE_WAYS];
} RateLimit;

/* True if SOURCE may go on. Else *ret_wait_ms says when it may come again. */
bool rate_limit_take(RateLimit *limit, const char *source, int64_t now_ms, int64_t *ret_wait_ms);

#endif

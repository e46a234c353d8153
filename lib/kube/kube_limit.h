/* How fast requests may go to the API server: a bucket of tokens, kept as one moment in time. Pure.
 */
#ifndef KUBE_LIMIT_H
#define KUBE_LIMIT_H

#include "base.h"

typedef struct KubeLimit {
    int64_t per_second; /* tokens that come; 0: no limit   */
    int64_t burst;      /* tokens that a full bucket holds */
    int64_t spent_us;   /* when the tokens taken so far will have come again */
} KubeLimit;

/* Takes a token and says how long its owner has to wait for it. Whoever takes one later waits at
 * least as long, so that nobody is overtaken. */
int64_t kube_limit_take_us(KubeLimit *limit, int64_t now_us);

#endif

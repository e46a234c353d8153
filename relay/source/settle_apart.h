/* A settlement row by row, after PostgreSQL refused it as a whole: a trigger, a constraint or
 * another table's reference may refuse one row, which must not keep the others from being marked.
 */
#ifndef SETTLE_APART_H
#define SETTLE_APART_H

#include "settle.h"

/* Rows that were refused lately, so that the next batches leave them out. */
enum { REFUSED_MAX = 64, REFUSED_MS = 10 * 1000 };

typedef struct Refused {
    int64_t ids[REFUSED_MAX];
    int64_t until_ms[REFUSED_MAX];
    size_t next;
} Refused;

bool refused_has(const Refused *refused, int64_t id, int64_t now_ms);

/* Each row in a transaction of its own; no lock is held any more, so that one that somebody else
 * has locked since is left to them. Adds to REFUSED what is refused again. Ends early when the
 * connection breaks: what is left is pending. */
void settle_apart(Postgres *postgres, Params *params, const Settlement *settlement,
                  OnPublished on_published, Refused *refused);

#endif

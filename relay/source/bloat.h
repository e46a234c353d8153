/* What keeps vacuum from its work, and what that leaves behind. */
#ifndef BLOAT_H
#define BLOAT_H

#include "mapping.h"
#include "postgres.h"

typedef struct Bloat {
    double oldest_seconds; /* age of the oldest transaction whose snapshot rows are kept for */
    int64_t dead_tuples;   /* of the outbox, as the statistics have them */
} Bloat;

/* Other roles' transactions are seen by a role that has pg_read_all_stats. */
int bloat_measure(Postgres *postgres, const Mapping *mapping, Bloat *ret_bloat, Error *reterr)
    MUST_CHECK;

#endif

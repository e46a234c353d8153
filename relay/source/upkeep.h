/* Deleting what was published long enough ago. */
#ifndef UPKEEP_H
#define UPKEEP_H

#include "mapping.h"
#include "postgres.h"

typedef struct Upkeep {
    const Mapping *mapping;
    int64_t cursor; /* where the next pass over the table begins */
} Upkeep;

typedef struct Cleaned {
    int64_t deleted;
    bool more; /* there may be more to delete at once */
} Cleaned;

/* Deletes rows that were published more than KEEP_MS ago, among the next few thousand rows of the
 * table. */
int upkeep_clean(Upkeep *upkeep, Postgres *postgres, int64_t keep_ms, Cleaned *ret_cleaned,
                 Error *reterr) MUST_CHECK;

#endif

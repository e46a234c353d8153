/* The statements behind housekeeping: deleting what was published, measuring what waits. */
#ifndef UPKEEP_H
#define UPKEEP_H

#include "mapping.h"
#include "postgres.h"

typedef struct Upkeep {
    const Mapping *mapping;
    int64_t cursor; /* where the next pass over the table begins */
    char **known;   /* tenants that the last measurement named, so that they can go back to zero */
    size_t known_count;
} Upkeep;

void upkeep_done(Upkeep *upkeep);

typedef struct Cleaned {
    int64_t deleted;
    bool more; /* there may be more to delete at once */
} Cleaned;

/* Deletes rows that were published more than KEEP_MS ago, among the next few thousand rows of the
 * table. */
int upkeep_clean(Upkeep *upkeep, Postgres *postgres, int64_t keep_ms, Cleaned *ret_cleaned,
                 Error *reterr) MUST_CHECK;

typedef struct Depth {
    int64_t pending; /* counted up to 10001, or fewer where there are many tenants */
    int64_t retrying;
    int64_t dead;
    double oldest_seconds;
} Depth;

typedef void DepthFn(void *context, const char *tenant, const Depth *depth);

/* Calls ON_DEPTH for every tenant with rows, up to a thousand of them, and once more, with zeros,
 * for those that had some the last time. */
int upkeep_measure(Upkeep *upkeep, Postgres *postgres, DepthFn *on_depth, void *context,
                   Error *reterr) MUST_CHECK;

#endif

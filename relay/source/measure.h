/* Counts how many rows of each tenant wait, and for how long: in steps, each of which takes a page
 * of tenants, so that the time for one does not grow with the fleet. */
#ifndef MEASURE_H
#define MEASURE_H

#include "depths.h"
#include "mapping.h"
#include "postgres.h"

enum { MEASURE_NAME_SIZE = 128, MEASURE_AT_SIZE = 32 };

typedef struct Measure {
    const Mapping *mapping;
    size_t look;                      /* for new rows, for those tried before, for dead ones */
    char *cursor;                     /* the tenant_id, of any form, behind which it goes on */
    char database[MEASURE_NAME_SIZE]; /* the same for every relay of this outbox           */
    char at[MEASURE_AT_SIZE];         /* when it began, by the database's clock, RFC 3339  */
    Depths depths; /* counted up to 10001, or 1001 where many tenants have rows */
} Measure;

void measure_done(Measure *measure);

/* Begins anew. */
int measure_begin(Measure *measure, Postgres *postgres, Error *reterr) MUST_CHECK;

/* The next step; after the last one, which sets *ret_ended, the depths are sorted and whole. */
int measure_step(Measure *measure, Postgres *postgres, bool *ret_ended, Error *reterr) MUST_CHECK;

#endif

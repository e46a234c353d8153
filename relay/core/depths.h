/* How many rows of each tenant wait, collected from several looks. Pure. */
#ifndef DEPTHS_H
#define DEPTHS_H

#include "error.h"
#include "subject.h"

enum { DEPTHS_MAX = 100 * 1000 }; /* tenants with rows; some 8 MB */

typedef struct Depth {
    char tenant[TENANT_ID_MAX + 1];
    int64_t pending;
    int64_t retrying; /* of those */
    int64_t dead;
    double oldest_seconds; /* that one of them has waited */
} Depth;

typedef struct Depths {
    Depth *tenants; /* ascending by id after depths_sort */
    size_t count;
    size_t capacity;
} Depths;

void depths_done(Depths *depths);

/* Forgets them, and keeps the memory. */
void depths_clear(Depths *depths);

/* Adds numbers of a tenant, who may have some already. ERROR_LIMIT when there are too many. */
int depths_add(Depths *depths, const Depth *depth, Error *reterr) MUST_CHECK;

/* Sorts them, and makes one of those of the same tenant. */
void depths_sort(Depths *depths);

/* TENANT's numbers, NULL without any. After depths_sort. */
const Depth *depths_find(const Depths *depths, const char *tenant);

#endif

#include "depths.h"

#include "alloc.h"

enum { CAPACITY_FIRST = 64 };

void depths_done(Depths *depths)
{
    free(depths->tenants);
    *depths = (Depths){0};
}

void depths_clear(Depths *depths)
{
    depths->count = 0;
}

int depths_add(Depths *depths, const Depth *depth, Error *reterr)
{
    if (depths->count == DEPTHS_MAX)
        return error_set(reterr, ERROR_LIMIT,
                         "more than %d tenants have rows: their numbers are not told", DEPTHS_MAX);
    if (depths->count == depths->capacity) {
        depths->capacity = depths->capacity > 0 ? 2 * depths->capacity : CAPACITY_FIRST;
        depths->tenants = xrealloc(depths->tenants, depths->capacity * sizeof(Depth));
    }
    depths->tenants[depths->count++] = *depth;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const Depth *)a)->tenant, ((const Depth *)b)->tenant);
}

static void merge(Depth *into, const Depth *from)
{
    into->pending += from->pending;
    into->retrying += from->retrying;
    into->dead += from->dead;
    if (from->oldest_seconds > into->oldest_seconds)
        into->oldest_seconds = from->oldest_seconds;
}

void depths_sort(Depths *depths)
{
    size_t kept = 0;

    if (depths->count == 0)
        return;
    qsort(depths->tenants, depths->count, sizeof(Depth), compare);
    for (size_t i = 1; i < depths->count; i++) {
        if (compare(&depths->tenants[kept], &depths->tenants[i]) == 0)
            merge(&depths->tenants[kept], &depths->tenants[i]);
        else
            depths->tenants[++kept] = depths->tenants[i];
    }
    depths->count = kept + 1;
}

const Depth *depths_find(const Depths *depths, const char *tenant)
{
    Depth wanted = {0};

    (void)snprintf(wanted.tenant, sizeof wanted.tenant, "%s", tenant);
    return depths->count == 0
               ? NULL
               : bsearch(&wanted, depths->tenants, depths->count, sizeof(Depth), compare);
}

#include "depth_gauges.h"

#include "alloc.h"
#include "map.h"
#include "relay_metrics.h"

enum { SHOWN_MAX = 1000 };

struct DepthGauges {
    Map *shown; /* tenants with rows; the values say nothing */
};

DepthGauges *depth_gauges_new(void)
{
    DepthGauges *self = xcalloc(1, sizeof *self);

    self->shown = map_new();
    return self;
}

void depth_gauges_free(DepthGauges *self)
{
    if (self == NULL)
        return;
    map_free(self->shown);
    free(self);
}

static void show(const char *tenant, const Depth *depth)
{
    metric_set(&metric_pending, (double)depth->pending, tenant);
    metric_set(&metric_retrying, (double)depth->retrying, tenant);
    metric_set(&metric_oldest_seconds, depth->oldest_seconds, tenant);
    metric_set(&metric_dead, (double)depth->dead, tenant);
    if (depth->pending == 0) /* whatever it waited for */
        metric_set(&metric_lane_paused, 0, tenant);
}

static void forget_gone(DepthGauges *self, const Depths *depths)
{
    const Depth nothing = {0};

    for (MapEntry *at = map_next(self->shown, NULL); at != NULL;) {
        const char *tenant = map_key(at);

        at = map_next(self->shown, at);
        if (depths_find(depths, tenant) != NULL)
            continue;
        show(tenant, &nothing);
        (void)map_remove(self->shown, tenant);
    }
}

void depth_gauges_set(DepthGauges *self, const Depths *depths)
{
    forget_gone(self, depths);
    for (size_t i = 0; i < depths->count; i++) {
        const Depth *depth = &depths->tenants[i];
        bool is_shown = map_get(self->shown, depth->tenant) != NULL;

        if (!is_shown && map_count(self->shown) == SHOWN_MAX)
            continue;
        if (!is_shown)
            map_add(self->shown, depth->tenant, self);
        show(depth->tenant, depth);
    }
}

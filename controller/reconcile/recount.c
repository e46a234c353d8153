#include "clock.h"
#include "reconcile.h"
#include "status.h"
#include "tenant_metrics.h"

/* What the fleet knows of one tenant. */
typedef struct Known {
    Tenant tenant;
    Surroundings surroundings;
    Observed observed;
    bool counted; /* `observed` is there */
} Known;

static void known_done(Known *known)
{
    observed_done(&known->observed);
}

static int known_read(Reconciler *self, const cJSON *object, Known *known, Error *reterr)
{
    if (tenant_parse(object, &known->tenant, reterr) < 0)
        return -1;
    fleet_look(self->fleet, known->tenant.id, &known->surroundings);
    known->counted = fleet_numbers(self->fleet, known->tenant.id, &known->observed);
    if (known->counted)
        tenant_metrics_count(&known->tenant, &known->observed);
    return 0;
}

static cJSON *status_of(const Known *known)
{
    char now[CLOCK_TEXT_SIZE];

    clock_rfc3339(clock_wall_ms(), now);
    return status_recount(&(StatusInput){
        .tenant = &known->tenant,
        .observed = known->counted ? &known->observed : NULL,
        .surroundings = &known->surroundings,
        .now = now,
    });
}

static int status_write(Reconciler *self, const Known *known, const cJSON *status, Error *reterr)
{
    DEFER(defer_json) cJSON *object = NULL;

    if (report_status(&self->reporter, &known->tenant, status, &object, reterr) < 0)
        return -1;
    cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(object, "metadata"),
                                            "managedFields");
    self->store(self->store_context, object);
    return 0;
}

/* A stream that is not the one that the status speaks of is no matter of numbers: look again. */
static void look_instead(const Known *known, PassEnd *end)
{
    if (known->counted && status_can_recount(&known->tenant, NULL))
        end->again_ms = 0;
}

void reconcile_numbers(Reconciler *self, const cJSON *object, const PassOrder *order,
                       PassEnd *ret_end)
{
    DEFER(known_done) Known known = {0};

    *ret_end = (PassEnd){.again_ms = -1, .doubt = order->doubt};
    if (known_read(self, object, &known, &ret_end->error) < 0)
        return;
    if (!status_can_recount(&known.tenant, known.counted ? &known.observed : NULL)) {
        look_instead(&known, ret_end);
        return;
    }
    DEFER(defer_json) cJSON *status = status_of(&known);
    if (status_compare(known.tenant.status, status) == STATUS_SAME)
        return;
    if (order->counted_ms < self->status_interval_ms) {
        ret_end->again_ms = self->status_interval_ms - order->counted_ms;
        ret_end->recount = true;
        return;
    }
    if (!self->may_write(self->may_write_context))
        return;
    ret_end->counted = status_write(self, &known, status, &ret_end->error) == 0;
    ret_end->doubt = !ret_end->counted;
}

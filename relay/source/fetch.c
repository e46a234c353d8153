#include "fetch.h"

#include "alloc.h"

#define SQL_BEGIN "BEGIN ISOLATION LEVEL READ COMMITTED"

enum { INLINE_BYTES = 8 * 1024 }; /* larger payloads come in a statement of their own */

static void add_tenants(Params *params, const RoundPlan *plan)
{
    params_clear(params);
    params_add_array(params, OID_TEXT, plan->count);
    for (size_t i = 0; i < plan->count; i++)
        params_push_text(params, plan->entries[i].lane->tenant);
}

bool fetch_is_limited(const LanePlan *plan)
{
    return plan->lane->settings.events_per_second > 0;
}

static bool any_limit(const RoundPlan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (fetch_is_limited(&plan->entries[i]))
            return true;
    }
    return false;
}

static bool any_due(const RoundPlan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->entries[i].lane->due)
            return true;
    }
    return false;
}

static double rate_of(const RelaySettings *settings)
{
    return (double)settings->events_per_second;
}

static double burst_of(const RelaySettings *settings)
{
    return (double)(settings->burst > 0 ? settings->burst : settings->events_per_second);
}

typedef double RateFn(const RelaySettings *settings);

/* Of the tenants that have a limit: a number, or without RATE their names. */
static void add_rates(Params *params, const RoundPlan *plan, RateFn *rate)
{
    size_t limited = 0;

    for (size_t i = 0; i < plan->count; i++)
        limited += fetch_is_limited(&plan->entries[i]) ? 1 : 0;
    params_add_array(params, rate != NULL ? OID_FLOAT8 : OID_TEXT, limited);
    for (size_t i = 0; i < plan->count; i++) {
        if (!fetch_is_limited(&plan->entries[i]))
            continue;
        if (rate != NULL)
            params_push_float8(params, rate(&plan->entries[i].lane->settings));
        else
            params_push_text(params, plan->entries[i].lane->tenant);
    }
}

static int add_tokens(Part *part, Params *params, const RoundPlan *plan, Error *reterr)
{
    params_clear(params);
    add_rates(params, plan, NULL);
    add_rates(params, plan, rate_of);
    add_rates(params, plan, burst_of);
    return part_add(part, "tokens", params, reterr);
}

typedef bool PlanFlagFn(const LanePlan *plan);

static bool is_ordered(const LanePlan *plan)
{
    return plan->lane->settings.ordering == RELAY_ORDERING_KEY;
}

static bool any_ordered(const RoundPlan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (is_ordered(&plan->entries[i]))
            return true;
    }
    return false;
}

static bool is_blocking(const LanePlan *plan)
{
    return is_ordered(plan) && plan->lane->settings.on_dead == RELAY_ON_DEAD_BLOCK;
}

static void add_flags(Params *params, const RoundPlan *plan, PlanFlagFn *flag)
{
    params_add_array(params, OID_BOOL, plan->count);
    for (size_t i = 0; i < plan->count; i++)
        params_push_bool(params, flag(&plan->entries[i]));
}

static void add_fetch_params(Params *params, const RoundPlan *plan)
{
    add_tenants(params, plan);
    params_add_array(params, OID_INT8, plan->count);
    for (size_t i = 0; i < plan->count; i++)
        params_push_int8(params, plan->entries[i].floor);
    params_add_array(params, OID_INT4, plan->count);
    for (size_t i = 0; i < plan->count; i++)
        params_push_int4(params, (int32_t)plan->entries[i].rows);
    add_flags(params, plan, is_ordered);
    add_flags(params, plan, is_blocking);
    params_add_int4(params, INLINE_BYTES);
    add_flags(params, plan, fetch_is_limited);
}

int fetch_end_portal(Part *part, Error *reterr)
{
    return part_add_sql(part, "SHOW lock_timeout", reterr);
}

int fetch_add(Part *part, Params *params, const RoundPlan *plan, Error *reterr)
{
    if (part_begin(part, reterr) < 0 || part_add_sql(part, SQL_BEGIN, reterr) < 0)
        return -1;
    add_tenants(params, plan);
    if (part_add(part, "lanes", params, reterr) < 0)
        return -1;
    if (any_limit(plan) && add_tokens(part, params, plan, reterr) < 0)
        return -1;
    add_fetch_params(params, plan);
    if (any_due(plan) && part_add(part, "fetch_due", params, reterr) < 0)
        return -1;
    if (part_add(part, any_ordered(plan) ? "fetch_ready" : "fetch_ready_free", params, reterr) < 0)
        return -1;
    return fetch_end_portal(part, reterr);
}

/* The names come joined by commas. */
void fetch_read_lanes(const PGresult *result, const RoundPlan *plan, bool *ret_taken)
{
    DEFER(defer_free) char *names = NULL;

    names = xasprintf(",%.*s,", PQgetlength(result, 0, 0), PQgetvalue(result, 0, 0));
    for (size_t i = 0; i < plan->count; i++) {
        char name[TENANT_ID_MAX + 3];

        (void)snprintf(name, sizeof name, ",%s,", plan->entries[i].lane->tenant);
        ret_taken[i] = strstr(names, name) == NULL;
    }
}

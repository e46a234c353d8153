#include "reconcile.h"

#include "apply.h"
#include "clock.h"
#include "draft.h"
#include "kube_object.h"
#include "observe.h"
#include "status.h"
#include "stop.h"
#include "stream_print.h"
#include "tenant_metrics.h"
#include "tenant_plan.h"

enum { CLUSTERED_REPLICAS = 3, PLAN_TEXT_MAX = 8192 };

/* What one pass knows; each step fills in its part. */
typedef struct Pass {
    Reconciler *self;
    cJSON *object;     /* owned: the newest state, replaced by each write of ours */
    Tenant tenant;     /* parsed from it */
    int64_t api_level; /* of the server */
    TenantDesired desired;
    Observed observed;
    bool was_observed;
    bool doubt; /* whether `object` is what our last write left */
    Plan plan;
    Outcome outcome;
    const char *reason;
    char message[PLAN_TEXT_MAX + 1];
} Pass;

static void pass_done(Pass *pass)
{
    plan_done(&pass->plan);
    observed_done(&pass->observed);
    tenant_desired_done(&pass->desired);
    cJSON_Delete(pass->object);
}

/* Goes on from OBJECT, which a write of ours brought back. */
static int pass_store(Pass *pass, cJSON *object, Error *reterr)
{
    cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(object, "metadata"),
                                            "managedFields");
    cJSON_Delete(pass->object);
    pass->object = object;
    pass->doubt = false;
    pass->self->store(pass->self->store_context, object);
    return tenant_parse(object, &pass->tenant, reterr);
}

/* A kind that neither reports nor logs: whoever acts next goes on from what there is. */
static int check_may_write(const Pass *pass, Error *reterr)
{
    if (!stop_requested() && pass->self->may_write(pass->self->may_write_context))
        return 0;
    return error_set(reterr, ERROR_CONFLICT, "stopped before the next write");
}

/* Asked without the lock: with a server that does not answer, workers would wait in line. */
static int server_read(Reconciler *self, ServerInfo *ret_server, Error *reterr)
{
    uint64_t epoch = nats_epoch(self->nats);

    (void)pthread_mutex_lock(&self->lock);
    bool known = self->server_epoch == epoch && epoch != 0;
    *ret_server = self->server;
    (void)pthread_mutex_unlock(&self->lock);
    if (known)
        return 0;
    if (server_info_read(self->nats, ret_server, reterr) < 0)
        return -1;
    (void)pthread_mutex_lock(&self->lock);
    self->server = *ret_server;
    self->server_epoch = epoch;
    (void)pthread_mutex_unlock(&self->lock);
    return 0;
}

static int pass_desire(Pass *pass, Error *reterr)
{
    ServerInfo server;

    if (server_read(pass->self, &server, reterr) < 0)
        return -1;
    pass->api_level = server.api_level;
    const TenantScope scope = {
        .cluster = pass->self->cluster,
        .api_level = server.api_level,
        .replicas = server.clustered ? CLUSTERED_REPLICAS : 1,
    };
    return tenant_desired(&pass->tenant, &scope, &pass->desired, reterr);
}

/* The finalizer stands only where a deletion will have work to do, and before there is any. */
static int pass_finalizer(Pass *pass, bool present, Error *reterr)
{
    cJSON *object = NULL;

    if (pass->tenant.has_finalizer == present)
        return 0;
    if (check_may_write(pass, reterr) < 0)
        return -1;
    pass->doubt = true;
    if (report_finalizer(&pass->self->reporter, pass->object, present, &object, reterr) < 0)
        return -1;
    return pass_store(pass, object, reterr);
}

static int pass_observe(Pass *pass, Error *reterr)
{
    observed_done(&pass->observed);
    if (observe(pass->self->nats, pass->tenant.stream, &pass->observed, reterr) < 0)
        return -1;
    pass->was_observed = true;
    return 0;
}

static PlanInput plan_input(const Pass *pass)
{
    return (PlanInput){
        .tenant = &pass->tenant,
        .desired = &pass->desired,
        .observed = &pass->observed,
        .cluster = pass->self->cluster,
        .api_level = pass->api_level,
    };
}

static int pass_plan(Pass *pass, Error *reterr)
{
    const PlanInput input = plan_input(pass);

    plan_done(&pass->plan);
    return tenant_plan(&input, &pass->plan, reterr);
}

static void did_add(PassEnd *end, const Step *step)
{
    DEFER(text_done) Text text = TEXT_MAX(ERROR_TEXT_MAX);
    size_t used = strlen(end->did);

    step_text(step, &text);
    (void)snprintf(end->did + used, sizeof end->did - used, "%s%s", used > 0 ? "; " : "",
                   text_get(&text));
}

/* What a stream reserves is reckoned before the server is asked, and explained when it refuses. */
static int pass_step(Pass *pass, const Step *step, Error *reterr)
{
    const bool reserves = step->type == STEP_STREAM_CREATE || step->type == STEP_STREAM_UPDATE;
    const Reservation reservation =
        reserves ? reservation_of(step->config, json_at(pass->observed.stream, "config"))
                 : (Reservation){0};

    if (reserves &&
        capacity_check(&pass->self->capacity, &reservation, pass->tenant.stream, reterr) < 0)
        return -1;
    if (apply_step(pass->self->nats, pass->tenant.stream, step, &pass->observed, reterr) == 0)
        return 0;
    if (reserves && reterr->kind == ERROR_LIMIT)
        capacity_explain(&pass->self->capacity, &reservation, pass->tenant.stream, reterr);
    return -1;
}

static int pass_apply(Pass *pass, PassEnd *end, Error *reterr)
{
    for (size_t i = 0; i < pass->plan.count; i++) {
        const Step *step = &pass->plan.steps[i];

        if (check_may_write(pass, reterr) < 0)
            return -1;
        if (pass_step(pass, step, reterr) < 0)
            return -1;
        did_add(end, step);
    }
    return 0;
}

/* Ready means that the server has what the spec says, not that it was told. */
static int pass_verify(Pass *pass, Error *reterr)
{
    DEFER(text_done) Text left = TEXT_MAX(PLAN_TEXT_MAX);

    if (pass->plan.count == 0)
        return 0;
    if (pass_plan(pass, reterr) < 0)
        return -1;
    if (pass->plan.count == 0)
        return 0;
    plan_text(&pass->plan, &left);
    return error_set(reterr, ERROR_REFUSED,
                     "the server took the change but did not keep it, and is asked once a minute; "
                     "declare what it has, or change what overrides it: %.300s",
                     text_get(&left));
}

static void pass_conclude(Pass *pass)
{
    DEFER(text_done) Text drift = TEXT_MAX(PLAN_TEXT_MAX);

    if (pass->tenant.mode == TENANT_OBSERVE && pass->plan.count > 0) {
        plan_text(&pass->plan, &drift);
        pass->outcome = OUTCOME_DRIFTED;
        (void)snprintf(pass->message, sizeof pass->message, "mode is Observe; Enforce would: %s",
                       text_get(&drift));
        return;
    }
    pass->outcome = pass->tenant.mode == TENANT_SUSPEND ? OUTCOME_SUSPENDED : OUTCOME_READY;
    (void)snprintf(pass->message, sizeof pass->message,
                   "stream %s and %zu consumers are as declared", pass->tenant.stream,
                   pass->desired.consumer_count);
}

static int pass_converge(Pass *pass, PassEnd *end, Error *reterr)
{
    if (pass_desire(pass, reterr) < 0 ||
        pass_finalizer(pass, pass->tenant.delete_data, reterr) < 0 ||
        pass_observe(pass, reterr) < 0 || pass_plan(pass, reterr) < 0)
        return -1;
    if (pass->tenant.mode != TENANT_OBSERVE &&
        (pass_apply(pass, end, reterr) < 0 || pass_verify(pass, reterr) < 0))
        return -1;
    pass_conclude(pass);
    return 0;
}

/* The object from the store itself, not from a cache. */
static int pass_live(const Pass *pass, cJSON **ret_live, Error *reterr)
{
    const KubeRef ref = {.resource = &tenant_resource, .name = pass->tenant.id};

    return kube_get(pass->self->reporter.kube, &ref, ret_live, reterr);
}

/* Before anything is destroyed: a cache may still show a Tenant that was made again since, or a
 * policy that was changed at the last moment. */
static int pass_reread(Pass *pass, Error *reterr)
{
    DEFER(defer_json) cJSON *live = NULL;

    if (pass_live(pass, &live, reterr) < 0)
        return -1;
    if (!text_eq(json_text(live, "metadata.uid", ""), pass->tenant.uid))
        return error_set(reterr, ERROR_NOT_FOUND, "Tenant %s was made again", pass->tenant.id);
    return pass_store(pass, TAKE(live), reterr);
}

/* After a write that failed, and may have been done all the same, or for an edit that the watch has
 * yet to bring. */
static int pass_refresh(Pass *pass, Error *reterr)
{
    cJSON *live = NULL;

    if (pass_live(pass, &live, reterr) < 0)
        return -1;
    return pass_store(pass, live, reterr);
}

static int pass_delete(Pass *pass, PassEnd *end, Error *reterr)
{
    if (!pass->tenant.has_finalizer || pass_reread(pass, reterr) < 0)
        return pass->tenant.has_finalizer && reterr->kind != ERROR_NOT_FOUND ? -1 : 0;
    if (pass->tenant.delete_data && pass->tenant.mode != TENANT_OBSERVE) {
        if (pass_observe(pass, reterr) < 0)
            return -1;
        const PlanInput input = plan_input(pass);

        tenant_plan_delete(&input, &pass->plan);
        if (pass_apply(pass, end, reterr) < 0)
            return -1;
    }
    return pass_finalizer(pass, false, reterr);
}

static void event_emit(const Pass *pass, bool warning, const char *reason, const char *note)
{
    const ReportEvent event = {
        .object = pass->object, .warning = warning, .reason = reason, .note = note};

    report_event(&pass->self->reporter, &event);
}

static const char *condition_text(const cJSON *status, const char *type, const char *member)
{
    return json_text(condition_find(json_at(status, "conditions"), type), member, "");
}

/* The first creation has none: the status says all, and a fleet that comes up would write twice as
 * much. */
static void event_of_work(const Pass *pass, const char *did)
{
    if (did[0] != '\0' && *json_text(pass->tenant.status, "stream.created", "") != '\0')
        event_emit(pass, false, "Reconciled", did);
}

/* On transitions only. */
static void events_of_status(const Pass *pass, const cJSON *old, const cJSON *status)
{
    const char *reason = condition_text(status, "Ready", "reason");
    const char *loss = condition_text(status, STATUS_DATA_LOSS, "message");

    if ((pass->outcome == OUTCOME_STALLED || pass->outcome == OUTCOME_DRIFTED) &&
        !text_eq(condition_text(old, "Ready", "reason"), reason))
        event_emit(pass, true, reason, pass->message);
    if (*loss != '\0' && !text_eq(condition_text(old, STATUS_DATA_LOSS, "message"), loss))
        event_emit(pass, true, STATUS_DATA_LOSS, loss);
}

static cJSON *pass_status(const Pass *pass)
{
    char now[CLOCK_TEXT_SIZE];
    Surroundings surroundings;

    clock_rfc3339(clock_wall_ms(), now);
    fleet_look(pass->self->fleet, pass->tenant.id, &surroundings);
    return status_build(&(StatusInput){
        .tenant = &pass->tenant,
        .observed = pass->was_observed ? &pass->observed : NULL,
        .surroundings = &surroundings,
        .outcome = pass->outcome,
        .reason = pass->reason,
        .message = pass->message,
        .now = now,
    });
}

static int pass_write(Pass *pass, const cJSON *status, PassEnd *end, Error *reterr)
{
    DEFER(defer_json) cJSON *old = cJSON_Duplicate(pass->tenant.status, true);
    cJSON *object = NULL;

    if (check_may_write(pass, reterr) < 0)
        return -1;
    pass->doubt = true;
    if (report_status(&pass->self->reporter, &pass->tenant, status, &object, reterr) < 0)
        return -1;
    end->counted = true;
    if (pass_store(pass, object, reterr) < 0)
        return -1;
    events_of_status(pass, old, status);
    return 0;
}

/* Numbers that move are looked at again, unless they come by themselves. */
static void pass_again(const Pass *pass, const cJSON *status, PassEnd *end)
{
    end->recount = fleet_counts(pass->self->fleet, pass->tenant.id);
    if (status_is_moving(status) && !end->recount)
        end->again_ms = pass->self->status_interval_ms;
}

static int pass_report(Pass *pass, const PassOrder *order, PassEnd *end, Error *reterr)
{
    const int64_t interval_ms = pass->self->status_interval_ms;
    DEFER(defer_json) cJSON *status = pass_status(pass);
    StatusChange change = status_compare(pass->tenant.status, status);

    event_of_work(pass, end->did);
    pass_again(pass, status, end);
    if (change == STATUS_COUNTERS && order->counted_ms < interval_ms) {
        end->again_ms = interval_ms - order->counted_ms;
        return 0;
    }
    if (change == STATUS_SAME)
        return 0;
    if (order->may_leave && pass->outcome == OUTCOME_READY) {
        end->draft = draft_print(&pass->tenant, status);
        return 0;
    }
    return pass_write(pass, status, end, reterr);
}

static void pass_failed(Pass *pass, const Error *error)
{
    pass->outcome =
        pass->tenant.deletion_timestamp != NULL ? OUTCOME_DELETING : outcome_of_error(error->kind);
    pass->reason = error_reason(error->kind);
    (void)snprintf(pass->message, sizeof pass->message, "%s", error->text);
}

static void pass_run(Pass *pass, const PassOrder *order, PassEnd *end)
{
    Error error = {0};
    int r;

    if (pass->tenant.deletion_timestamp != NULL)
        r = pass_delete(pass, end, &error);
    else
        r = pass_converge(pass, end, &error);
    if (r < 0) {
        end->error = error;
        pass_failed(pass, &error);
    }
    end->looked = pass->was_observed;
    end->print = stream_print(pass->observed.stream);
    tenant_metrics_ready(pass->tenant.id, pass->outcome);
    if (pass->was_observed)
        tenant_metrics_count(&pass->tenant, &pass->observed);
    /* What a moment heals is not worth a status; what deletion leaves has none. */
    if (r < 0 && error_retry(error.kind) == RETRY_NOW)
        return;
    if (r == 0 && pass->tenant.deletion_timestamp != NULL) {
        if (end->did[0] != '\0')
            event_emit(pass, false, "Deleted", end->did);
        return;
    }
    if (pass_report(pass, order, end, &error) < 0 && end->error.kind == ERROR_NONE)
        end->error = error;
}

void reconcile(Reconciler *self, const cJSON *object, const PassOrder *order, PassEnd *ret_end)
{
    DEFER(pass_done)
    Pass pass = {.self = self, .object = cJSON_Duplicate(object, true), .doubt = order->doubt};

    *ret_end = (PassEnd){.again_ms = -1, .doubt = order->doubt};
    if (tenant_parse(pass.object, &pass.tenant, &ret_end->error) < 0)
        return;
    if (order->doubt && pass_refresh(&pass, &ret_end->error) < 0)
        return;
    pass_run(&pass, order, ret_end);
    ret_end->doubt = pass.doubt;
}

/* Of a status the pass that left it had nothing to say in Events but what it did, and said that. */
void reconcile_draft(Reconciler *self, const cJSON *object, const char *draft, PassEnd *ret_end)
{
    DEFER(pass_done)
    Pass pass = {.self = self, .object = cJSON_Duplicate(object, true), .outcome = OUTCOME_READY};
    DEFER(defer_json) cJSON *status = NULL;

    *ret_end = (PassEnd){.again_ms = -1};
    if (tenant_parse(pass.object, &pass.tenant, &ret_end->error) < 0)
        return;
    status = draft_read(draft, &pass.tenant);
    if (status == NULL) { /* made for an older state: look again */
        ret_end->again_ms = 0;
        return;
    }
    pass_again(&pass, status, ret_end);
    (void)pass_write(&pass, status, ret_end, &ret_end->error);
    ret_end->doubt = pass.doubt;
}

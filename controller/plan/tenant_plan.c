#include "tenant_plan.h"

#include "consumer_fields.h"
#include "ownership.h"
#include "stream_fields.h"

enum { REASON_MAX = 4096, MAX_CONSUMERS_LIVE_LEVEL = 2 };

typedef struct Planner {
    const PlanInput *input;
    Plan plan;
} Planner;

static int check_owner(const Planner *self, const cJSON *config, Error *reterr)
{
    const char *stream = self->input->tenant->stream;
    const cJSON *uid = cJSON_GetObjectItemCaseSensitive(json_at(config, "metadata"), OWNER_KEY_UID);

    switch (owner_of(config, self->input->tenant->uid, self->input->cluster)) {
    case OWNER_SELF:
        return 0;
    case OWNER_OTHER:
        return error_set(reterr, ERROR_OWNED,
                         "stream %s belongs to another owner (%s %s) and is not touched; remove "
                         "that owner's claim, or delete the stream yourself",
                         stream, OWNER_KEY_UID, json_text(uid, "", "unknown"));
    case OWNER_FORMER:
        if (self->input->tenant->adopt)
            return 0;
        return error_set(reterr, ERROR_UNOWNED,
                         "stream %s was left behind by an earlier Tenant of this name; set "
                         "spec.stream.adoption to Adopt to go on with its data, or delete it",
                         stream);
    case OWNER_NONE:
        if (self->input->tenant->adopt)
            return 0;
        return error_set(reterr, ERROR_UNOWNED,
                         "stream %s exists and carries no owner's mark; set "
                         "spec.stream.adoption to Adopt to take it over, or delete it",
                         stream);
    }
    assert(!"unknown owner");
    abort();
}

/* Older servers take the number of consumers at a stream's creation and never again. */
static int check_consumer_limit(const Planner *self, const cJSON *observed, Error *reterr)
{
    const int64_t want = json_int(self->input->desired->stream, "max_consumers", -1);
    const int64_t have = json_int(observed, "max_consumers", -1);

    if (want == have || self->input->api_level >= MAX_CONSUMERS_LIVE_LEVEL)
        return 0;
    return error_set(reterr, ERROR_UNSUPPORTED,
                     "spec.limits.maxConsumers: changing it from %" PRId64 " to %" PRId64
                     " (-1: no limit) needs NATS %s (API level %d); the server has level %" PRId64,
                     have, want, api_level_version(MAX_CONSUMERS_LIVE_LEVEL),
                     MAX_CONSUMERS_LIVE_LEVEL, self->input->api_level);
}

static int plan_stream(Planner *self, Error *reterr)
{
    DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);
    const cJSON *desired = self->input->desired->stream;
    const cJSON *observed = json_at(self->input->observed->stream, "config");

    if (observed == NULL) {
        plan_add(&self->plan, STEP_STREAM_CREATE, "", desired, "");
        return 0;
    }
    if (check_consumer_limit(self, observed, reterr) < 0)
        return -1;
    switch (fields_diff(&stream_fields, desired, observed, &reason)) {
    case FIELD_DIFF_NONE:
        return 0;
    case FIELD_DIFF_UPDATE:
        plan_add(&self->plan, STEP_STREAM_UPDATE, "", desired, text_get(&reason));
        return 0;
    case FIELD_DIFF_FIXED:
        return error_set(reterr, ERROR_INVALID,
                         "stream %s cannot be changed in place: %s; put the old value back, or "
                         "move the data to a new Tenant",
                         self->input->tenant->stream, text_get(&reason));
    }
    assert(!"unknown difference");
    abort();
}

static int plan_consumer(Planner *self, const TenantConsumer *consumer, Error *reterr)
{
    DEFER(text_done) Text reason = TEXT_MAX(REASON_MAX);
    const cJSON *info = observed_consumer(self->input->observed, consumer->name);
    const cJSON *observed = json_at(info, "config");

    if (observed == NULL) {
        plan_add(&self->plan, STEP_CONSUMER_CREATE, consumer->name, consumer->config, "");
        return 0;
    }
    FieldDiff diff = fields_diff(&consumer_fields, consumer->config, observed, &reason);
    if (diff == FIELD_DIFF_FIXED)
        return error_set(reterr, ERROR_INVALID,
                         "consumer %s cannot be changed in place: %s; put the old value back, or "
                         "add a consumer of another name and remove this one",
                         consumer->name, text_get(&reason));
    if (diff == FIELD_DIFF_UPDATE)
        plan_add(&self->plan, STEP_CONSUMER_UPDATE, consumer->name, consumer->config,
                 text_get(&reason));
    text_clear(&reason);
    if (consumer_pause_differs(consumer->config, observed, &reason))
        plan_add(&self->plan, STEP_CONSUMER_PAUSE, consumer->name, consumer->config,
                 text_get(&reason));
    return 0;
}

static int plan_consumers(Planner *self, Error *reterr)
{
    for (size_t i = 0; i < self->input->desired->consumer_count; i++) {
        if (plan_consumer(self, &self->input->desired->consumers[i], reterr) < 0)
            return -1;
    }
    return 0;
}

/* Consumers that carry our mark and have left the spec. Those made by hand are not ours to take. */
static void plan_consumer_deletes(Planner *self)
{
    const cJSON *info = NULL;

    cJSON_ArrayForEach (info, self->input->observed->consumers) {
        const char *name = json_text(info, "name", "");
        Owner owner =
            owner_of(json_at(info, "config"), self->input->tenant->uid, self->input->cluster);

        if (owner == OWNER_SELF && tenant_consumer_find(self->input->desired, name) < 0 &&
            strlen(name) <= CONSUMER_NAME_MAX)
            plan_add(&self->plan, STEP_CONSUMER_DELETE, name, NULL, "no longer in the spec");
    }
}

/* A tighter limit for consumers is refused while one of them is above it, and a wider one is
 * needed before any can use it. */
static bool consumers_go_first(const Planner *self)
{
    const char *limit = "consumer_limits.max_ack_pending";
    const char *idle = "consumer_limits.inactive_threshold";
    const cJSON *observed = json_at(self->input->observed->stream, "config");
    const cJSON *desired = self->input->desired->stream;
    int64_t old_limit = json_int(observed, limit, 0);
    int64_t new_limit = json_int(desired, limit, 0);
    int64_t old_idle = json_int(observed, idle, 0);
    int64_t new_idle = json_int(desired, idle, 0);

    return observed != NULL && ((new_limit > 0 && (old_limit <= 0 || new_limit < old_limit)) ||
                                (new_idle > 0 && (old_idle <= 0 || new_idle < old_idle)));
}

int tenant_plan(const PlanInput *input, Plan *ret_plan, Error *reterr)
{
    Planner self = {.input = input};
    const cJSON *config = json_at(input->observed->stream, "config");

    if (config != NULL && check_owner(&self, config, reterr) < 0)
        return -1;

    bool turned = consumers_go_first(&self);
    plan_consumer_deletes(&self);
    int r = turned ? plan_consumers(&self, reterr) : plan_stream(&self, reterr);
    if (r == 0)
        r = turned ? plan_stream(&self, reterr) : plan_consumers(&self, reterr);
    if (r < 0) {
        plan_done(&self.plan);
        return -1;
    }
    *ret_plan = self.plan;
    return 0;
}

void tenant_plan_delete(const PlanInput *input, Plan *ret_plan)
{
    const cJSON *config = json_at(input->observed->stream, "config");

    *ret_plan = (Plan){0};
    if (input->tenant->delete_data && config != NULL &&
        owner_of(config, input->tenant->uid, input->cluster) == OWNER_SELF)
        plan_add(ret_plan, STEP_STREAM_DELETE, "", NULL, "the Tenant is deleted");
}

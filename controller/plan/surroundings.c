#include "surroundings.h"

#include "quantise.h"
#include "units.h"

enum { MESSAGE_MAX = 512 };

static const int64_t ns_per_second = 1000000000;

static void report_outbox(const Surroundings *self, const Tenant *tenant, cJSON *status)
{
    const cJSON *old = json_at(tenant->status, "outbox");

    cJSON_DeleteItemFromObjectCaseSensitive(status, "outbox");
    if (self->outbox_known == OUTBOX_UNKNOWN && old != NULL)
        json_set(status, "outbox", cJSON_Duplicate(old, true));
    if (self->outbox_known != OUTBOX_REPORTED)
        return;
    cJSON *outbox = cJSON_CreateObject();
    json_set_int(outbox, "pending", quantise_count(self->outbox.pending));
    json_set_int(outbox, "oldestPendingSeconds", quantise_seconds(self->outbox.oldest_seconds));
    json_set_int(outbox, "dead", quantise_count(self->outbox.dead));
    json_set_text(outbox, "reportedAt", self->outbox.at);
    json_set(status, "outbox", outbox);
}

static void report_isolated(const Surroundings *self, cJSON *conditions,
                            const ConditionStamp *stamp)
{
    const bool alone = self->intruders[0] == '\0';

    if (!self->swept)
        return;
    condition_set(conditions,
                  &(Condition){.type = STATUS_ISOLATED,
                               .status = alone ? CONDITION_TRUE : CONDITION_FALSE,
                               .reason = alone ? "NoOverlap" : "Overlap",
                               .message = self->intruders},
                  stamp);
}

static bool is_late(const Tenant *tenant, int64_t seconds)
{
    int64_t latency_ns = 0;
    Error ignored;

    return seconds > 0 &&
           duration_parse(json_text(tenant->spec, "slo.latency", ""), &latency_ns, &ignored) == 0 &&
           seconds > latency_ns / ns_per_second;
}

/* Why events do not arrive as promised, in words that stay the same while the numbers move. True if
 * there is a reason. */
static bool find_trouble(const Tenant *tenant, const cJSON *status, const char **ret_reason,
                         char ret_message[MESSAGE_MAX])
{
    int64_t dead = json_int(status, "outbox.dead", 0);
    int64_t max_lag = json_int(tenant->spec, "slo.maxLag", -1);

    if (dead > 0) {
        *ret_reason = "DeadRows";
        (void)snprintf(ret_message, MESSAGE_MAX,
                       "%" PRId64 " rows of the outbox were given up and wait for a decision: look "
                       "at them, then requeue or discard them",
                       dead);
        return true;
    }
    if (is_late(tenant, json_int(status, "outbox.oldestPendingSeconds", 0))) {
        *ret_reason = "OutboxBehind";
        (void)snprintf(ret_message, MESSAGE_MAX,
                       "rows wait in the outbox for longer than spec.slo.latency (%.32s)",
                       json_text(tenant->spec, "slo.latency", ""));
        return true;
    }
    if (max_lag < 0 || json_int(status, "lag", 0) <= max_lag)
        return false;
    *ret_reason = "ConsumersBehind";
    (void)snprintf(ret_message, MESSAGE_MAX,
                   "a consumer's lag is above spec.slo.maxLag (%" PRId64 ")", max_lag);
    return true;
}

/* Only where somebody measures, and nobody holds the traffic on purpose. */
static bool is_measured(const Tenant *tenant, const cJSON *status)
{
    return tenant->mode != TENANT_SUSPEND &&
           (json_at(status, "outbox") != NULL || json_at(tenant->spec, "slo.maxLag") != NULL);
}

static void report_delivering(const Tenant *tenant, const cJSON *status, cJSON *conditions,
                              const ConditionStamp *stamp)
{
    const char *reason = "AsPromised";
    char message[MESSAGE_MAX] = "";

    if (!is_measured(tenant, status)) {
        condition_remove(conditions, STATUS_DELIVERING);
        return;
    }
    bool trouble = find_trouble(tenant, status, &reason, message);
    condition_set(conditions,
                  &(Condition){.type = STATUS_DELIVERING,
                               .status = trouble ? CONDITION_FALSE : CONDITION_TRUE,
                               .reason = reason,
                               .message = message},
                  stamp);
}

void surroundings_report(const Surroundings *self, const Tenant *tenant, cJSON *status,
                         cJSON *conditions, const ConditionStamp *stamp)
{
    report_outbox(self, tenant, status);
    report_isolated(self, conditions, stamp);
    report_delivering(tenant, status, conditions, stamp);
}

#include "lease_rule.h"

enum { MS_PER_S = 1000, RELEASED_S = 1 };

void lease_view_update(LeaseView *view, const cJSON *object, int64_t now_ms)
{
    char record[LEASE_RECORD_SIZE];

    (void)snprintf(
        record, sizeof record, "%s %s %s", json_text(object, "metadata.resourceVersion", ""),
        json_text(object, "spec.holderIdentity", ""), json_text(object, "spec.renewTime", ""));
    if (!text_eq(record, view->record))
        view->seen_ms = now_ms;
    memcpy(view->record, record, sizeof record);
    (void)snprintf(view->holder, sizeof view->holder, "%s",
                   json_text(object, "spec.holderIdentity", ""));
    view->duration_ms = json_int(object, "spec.leaseDurationSeconds", 0) * MS_PER_S;
    view->transitions = json_int(object, "spec.leaseTransitions", 0);
}

LeaseMove lease_move(const LeaseView *view, const char *me, int64_t now_ms)
{
    if (text_eq(view->holder, me))
        return LEASE_RENEW;
    if (view->holder[0] == '\0' || now_ms - view->seen_ms >= view->duration_ms)
        return LEASE_TAKE;
    return LEASE_WAIT;
}

static void copy_text(cJSON *spec, const cJSON *old, const char *name, const char *fallback)
{
    json_set_text(spec, name, json_text(old, name, fallback));
}

cJSON *lease_spec(const LeaseWrite *write)
{
    cJSON *spec = cJSON_CreateObject();
    bool taken = write->move == LEASE_TAKE;
    int64_t transitions = json_int(write->old, "leaseTransitions", 0);

    json_set_text(spec, "holderIdentity", write->me);
    json_set_int(spec, "leaseDurationSeconds", LEASE_DURATION_MS / MS_PER_S);
    copy_text(spec, taken ? NULL : write->old, "acquireTime", write->now);
    json_set_text(spec, "renewTime", write->now);
    json_set_int(spec, "leaseTransitions", transitions + (taken && write->old != NULL ? 1 : 0));
    return spec;
}

cJSON *lease_spec_released(const cJSON *old, const char *now)
{
    cJSON *spec = cJSON_CreateObject();

    json_set_text(spec, "holderIdentity", "");
    json_set_int(spec, "leaseDurationSeconds", RELEASED_S);
    copy_text(spec, old, "acquireTime", now);
    json_set_text(spec, "renewTime", now);
    json_set_int(spec, "leaseTransitions", json_int(old, "leaseTransitions", 0));
    return spec;
}

bool lease_is_valid(int64_t renewed_ms, int64_t now_ms)
{
    return now_ms - renewed_ms < LEASE_RENEW_DEADLINE_MS;
}

bool lease_is_wedged(int64_t renewed_ms, int64_t now_ms)
{
    return now_ms - renewed_ms > LEASE_WEDGED_MS;
}

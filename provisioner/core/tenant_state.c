#include "tenant_state.h"

#include "provision_plan.h"

static const char *const state_names[] = {
    [TENANT_PENDING] = "Pending",
    [TENANT_READY] = "Ready",
    [TENANT_FAILED] = "Failed",
    [TENANT_SUSPENDED] = "Suspended",
};

const char *tenant_state_name(TenantState state)
{
    assert((size_t)state < ARRAY_SIZE(state_names));
    return state_names[state];
}

/* The condition of TYPE if it speaks of the generation that stands there now. */
static const cJSON *condition_now(const cJSON *object, const char *type)
{
    const int64_t generation = json_int(object, "metadata.generation", 0);
    const cJSON *condition = NULL;

    cJSON_ArrayForEach (condition, json_at(object, "status.conditions")) {
        if (text_eq(json_text(condition, "type", ""), type) &&
            json_int(condition, "observedGeneration", -1) == generation)
            return condition;
    }
    return NULL;
}

static bool is_true(const cJSON *condition)
{
    return text_eq(json_text(condition, "status", ""), "True");
}

static TenantReport report_of(TenantState state, const cJSON *condition)
{
    return (TenantReport){
        .state = state,
        .reason = json_text(condition, "reason", "Unknown"),
        .message = json_text(condition, "message", ""),
    };
}

TenantReport tenant_report(const cJSON *object)
{
    const cJSON *ready = condition_now(object, "Ready");
    const cJSON *stalled = condition_now(object, "Stalled");

    if (json_at(object, "metadata.deletionTimestamp") != NULL)
        return (TenantReport){TENANT_PENDING, "Deleting", "the Tenant is being deleted"};
    if (is_true(stalled))
        return report_of(TENANT_FAILED, stalled);
    if (ready == NULL)
        return (TenantReport){TENANT_PENDING, "Waiting", "the controller has not seen it yet"};
    if (is_true(ready))
        return report_of(TENANT_READY, ready);
    if (text_eq(json_text(ready, "reason", ""), "Suspended"))
        return report_of(TENANT_SUSPENDED, ready);
    return report_of(TENANT_PENDING, ready);
}

char *tenant_report_body(const cJSON *object)
{
    const TenantReport report = tenant_report(object);
    DEFER(defer_json) cJSON *body = cJSON_CreateObject();
    const cJSON *annotations = json_at(object, "metadata.annotations");
    const cJSON *account =
        cJSON_GetObjectItemCaseSensitive(annotations, PROVISION_ANNOTATION_ACCOUNT);

    json_set_text(body, "id", json_text(object, "metadata.name", ""));
    json_set_text(body, "account", cJSON_IsString(account) ? account->valuestring : "");
    json_set_text(body, "state", tenant_state_name(report.state));
    json_set_text(body, "reason", report.reason);
    json_set_text(body, "message", report.message);
    if (json_text(object, "status.stream.name", NULL) != NULL)
        json_set_text(body, "stream", json_text(object, "status.stream.name", ""));
    return json_print(body);
}

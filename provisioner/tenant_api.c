#include "tenant_api.h"

#include "api_refusal.h"
#include "kube_object.h"
#include "kube_status.h"

static const KubeResource tenants = {
    .group = "bulkhead.dev", .version = "v1alpha1", .plural = "tenants", .kind = "Tenant"};

static TenantApiResult failed(const Error *error, Problem *retproblem)
{
    api_unavailable(error->text, retproblem);
    return TENANT_API_FAILED;
}

TenantApiResult tenant_api_get(KubeClient *kube, const char *name, cJSON **ret_object,
                               Problem *retproblem)
{
    const KubeRef ref = {.resource = &tenants, .name = name};
    DEFER(defer_free) char *path = kube_path(&ref, NULL, NULL, 0);
    const KubeRequest request = {
        .method = "GET", .path = path, .timeout_ms = TENANT_API_TIMEOUT_MS};
    DEFER(kube_response_done) KubeResponse response = {0};
    Error error;

    if (kube_exchange(kube, &request, &response, &error) < 0)
        return failed(&error, retproblem);
    if (response.code == 404)
        return TENANT_API_ABSENT;
    if (kube_status_read(response.code, response.json, &error) < 0)
        return failed(&error, retproblem);
    *ret_object = TAKE(response.json);
    return TENANT_API_DONE;
}

TenantApiResult tenant_api_apply(KubeClient *kube, const cJSON *body, bool dry_run,
                                 cJSON **ret_object, Problem *retproblem)
{
    const KubeRef ref = {.resource = &tenants, .name = json_text(body, "metadata.name", "")};
    const KubeParam params[] = {
        {"fieldManager", kube_client_name(kube)},
        {"dryRun", dry_run ? "All" : NULL},
        {"force", dry_run ? "true" : NULL},
        {"fieldValidation", dry_run ? "Strict" : NULL},
    };
    DEFER(defer_free) char *path = kube_path(&ref, NULL, params, ARRAY_SIZE(params));
    const KubeRequest request = {
        .method = "PATCH",
        .path = path,
        .body = body,
        .content_type = "application/apply-patch+yaml",
        .timeout_ms = TENANT_API_TIMEOUT_MS,
    };
    DEFER(kube_response_done) KubeResponse response = {0};
    Error error;

    if (kube_exchange(kube, &request, &response, &error) < 0)
        return failed(&error, retproblem);
    if (response.code >= 200 && response.code < 300 && response.json != NULL) {
        *ret_object = TAKE(response.json);
        return TENANT_API_DONE;
    }
    return api_refusal_read(response.code, response.json, retproblem) < 0 ? TENANT_API_FAILED
                                                                          : TENANT_API_CONFLICT;
}

TenantApiResult tenant_api_delete(KubeClient *kube, const cJSON *object, Problem *retproblem)
{
    const KubeRef ref = {.resource = &tenants, .name = json_text(object, "metadata.name", "")};
    Error error;

    if (kube_delete(kube, &ref, object, &error) == 0)
        return TENANT_API_DONE;
    if (error.kind == ERROR_NOT_FOUND)
        return TENANT_API_ABSENT;
    return error.kind == ERROR_CONFLICT ? TENANT_API_CONFLICT : failed(&error, retproblem);
}

/* Tenants at the API server, with its refusals told to whoever sent the event. */
#ifndef TENANT_API_H
#define TENANT_API_H

#include "kube_client.h"
#include "problem.h"

enum { TENANT_API_TIMEOUT_MS = 10000 };

typedef enum TenantApiResult {
    TENANT_API_DONE,
    TENANT_API_CONFLICT, /* it is not as the caller believed: look again */
    TENANT_API_ABSENT,
    TENANT_API_FAILED, /* *retproblem says why */
} TenantApiResult;

/* *ret_object is the caller's. */
TenantApiResult tenant_api_get(KubeClient *kube, const char *name, cJSON **ret_object,
                               Problem *retproblem) MUST_CHECK;

/* Server-side apply that takes no field from another manager. DRY_RUN: nothing is kept, fields of
 * others do not matter, unknown ones do. *ret_object is the caller's. */
TenantApiResult tenant_api_apply(KubeClient *kube, const cJSON *body, bool dry_run,
                                 cJSON **ret_object, Problem *retproblem) MUST_CHECK;

/* Deletes this very object. */
TenantApiResult tenant_api_delete(KubeClient *kube, const cJSON *object, Problem *retproblem)
    MUST_CHECK;

#endif

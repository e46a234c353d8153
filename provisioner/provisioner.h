/* Events become Tenants: looks, plans, applies. Several threads at once, and several replicas, may
 * handle the same event: the API server lets one of them win and the others find what it did. */
#ifndef PROVISIONER_H
#define PROVISIONER_H

#include "kube_client.h"
#include "provision_plan.h"

typedef struct Provisioner Provisioner;

typedef struct ProvisionerConfig {
    KubeClient *kube; /* borrowed */
    const char *template_paths;
    bool delete_tenants;
    int64_t remember_ms; /* how long a signature of an event may come again */
} ProvisionerConfig;

Provisioner *provisioner_new(const ProvisionerConfig *config) __attribute__((__returns_nonnull__));

/* Takes NULL. */
void provisioner_free(Provisioner *self);

/* Reads the templates again where their files were replaced, and lets the API server check what
 * each makes of its sample. ERROR_INVALID for a template that is wrong, ERROR_BUSY where the API
 * server cannot be asked: the old ones go on. */
int provisioner_load_templates(Provisioner *self, bool *ret_changed, Error *reterr) MUST_CHECK;

typedef struct ProvisionResult {
    ProvisionStep step;
    cJSON *object; /* the Tenant as it is now, or NULL; the caller's */
} ProvisionResult;

int provisioner_handle(Provisioner *self, const Event *event, ProvisionResult *ret_result,
                       Problem *retproblem) MUST_CHECK;

#endif

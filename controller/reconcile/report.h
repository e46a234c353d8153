/* Tells Kubernetes: the status of a Tenant, and Events on what happened to it. */
#ifndef REPORT_H
#define REPORT_H

#include "kube_client.h"
#include "kube_path.h"
#include "kube_recorder.h"
#include "plan.h"
#include "tenant.h"

extern const KubeResource tenant_resource;

/* Who reports. */
typedef struct Reporter {
    KubeClient *kube;
    KubeRecorder *recorder;
} Reporter;

/* Writes STATUS onto the very object that TENANT was parsed from. *ret_object, the object as it is
 * now, is the caller's. ERROR_CONFLICT if it changed meanwhile, ERROR_NOT_FOUND if it is gone. */
int report_status(const Reporter *self, const Tenant *tenant, const cJSON *status,
                  cJSON **ret_object, Error *reterr) MUST_CHECK;

/* Puts our finalizer on OBJECT or takes it off. *ret_object as above. */
int report_finalizer(const Reporter *self, const cJSON *object, bool present, cJSON **ret_object,
                     Error *reterr) MUST_CHECK;

typedef struct ReportEvent {
    const cJSON *object;
    bool warning;
    const char *reason;
    const char *note;
} ReportEvent;

/* Queues an Event; nobody waits for it. */
void report_event(const Reporter *self, const ReportEvent *event);

#endif

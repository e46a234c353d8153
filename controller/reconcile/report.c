#include "report.h"

#include "kube_object.h"

const KubeResource tenant_resource = {
    .group = "bulkhead.dev",
    .version = "v1alpha1",
    .plural = "tenants",
    .kind = TENANT_KIND,
};

int report_status(const Reporter *self, const Tenant *tenant, const cJSON *status,
                  cJSON **ret_object, Error *reterr)
{
    const KubeRef ref = {.resource = &tenant_resource, .name = tenant->id};
    const KubeStatusWrite write = {.version = tenant->resource_version, .status = status};

    return kube_apply_status(self->kube, &ref, &write, ret_object, reterr);
}

int report_finalizer(const Reporter *self, const cJSON *object, bool present, cJSON **ret_object,
                     Error *reterr)
{
    const KubeRef ref = {.resource = &tenant_resource,
                         .name = json_text(object, "metadata.name", "")};
    const KubeFinalizer finalizer = {
        .object = object, .name = TENANT_FINALIZER, .present = present};

    return kube_set_finalizer(self->kube, &ref, &finalizer, ret_object, reterr);
}

void report_event(const Reporter *self, const ReportEvent *event)
{
    const KubeEvent full = {
        .regarding = event->object,
        .warning = event->warning,
        .reason = event->reason,
        .action = "Reconcile",
        .note = event->note,
    };

    kube_recorder_tell(self->recorder, &full);
}

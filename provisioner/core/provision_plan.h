/* What an event does to a Tenant, decided from the event and from what stands there now. Pure. */
#ifndef PROVISION_PLAN_H
#define PROVISION_PLAN_H

#include "account_event.h"
#include "template.h"

/* What we write on a Tenant beside the template's part. */
#define PROVISION_ANNOTATION_ACCOUNT "bulkhead.dev/account"
#define PROVISION_ANNOTATION_PLAN    "bulkhead.dev/plan"
#define PROVISION_ANNOTATION_EVENT   "bulkhead.dev/event-id"     /* of the last one handled      */
#define PROVISION_ANNOTATION_DIGEST  "bulkhead.dev/event-sha256" /* likewise, of its content     */
#define PROVISION_ANNOTATION_HISTORY "bulkhead.dev/recent-events"
#define PROVISION_ANNOTATION_TRACE   "bulkhead.dev/traceparent"

/*        kind                  what the log and the metrics call it */
#define PROVISION_STEPS(X)                                                                         \
    X(PROVISION_CREATE, "created")        /* apply BODY, only if nothing is there              */  \
    X(PROVISION_APPLY, "applied")         /* apply BODY, only to the object that was looked at */  \
    X(PROVISION_DELETE, "deleted")        /* delete the object that was looked at              */  \
    X(PROVISION_DUPLICATE, "duplicate")   /* nothing: this event was handled before            */  \
    X(PROVISION_SUPERSEDED, "superseded") /* nothing: a later event was handled before        */   \
    X(PROVISION_ABSENT, "absent")         /* nothing: what should go is not there              */

typedef enum ProvisionStep {
#define X(step, name) step,
    PROVISION_STEPS(X)
#undef X
} ProvisionStep;

const char *provision_step_name(ProvisionStep step);

typedef struct ProvisionRules {
    const Templates *templates;
    const char *manager; /* our field manager */
    bool delete_tenants; /* --on-deleted delete */
} ProvisionRules;

typedef struct ProvisionPlan {
    ProvisionStep step;
    cJSON *body; /* of PROVISION_CREATE and PROVISION_APPLY, with its preconditions */
} ProvisionPlan;

/* True if the event can be tried as a creation before anyone looks what is there. */
bool provision_creates(const Event *event);

/* OBJECT NULL: there is no such Tenant, or it was not looked for; then the plan of an event that
 * provision_creates() is PROVISION_CREATE. */
int provision_plan(const Event *event, const ProvisionRules *rules, const cJSON *object,
                   ProvisionPlan *ret_plan, Problem *retproblem) MUST_CHECK;
void provision_plan_done(ProvisionPlan *plan);

/* The Tenant that a template makes of its own sample, for the check at the start. */
int provision_sample(const Template *template, cJSON **ret_body, Problem *retproblem) MUST_CHECK;

#endif

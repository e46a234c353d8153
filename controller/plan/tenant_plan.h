/* Desired and observed in, steps out. Pure, and without a memory: what was done before does not
 * count, so that a restart between any two steps needs no repair. */
#ifndef TENANT_PLAN_H
#define TENANT_PLAN_H

#include "observed.h"
#include "plan.h"
#include "tenant.h"

typedef struct PlanInput {
    const Tenant *tenant;
    const TenantDesired *desired; /* the steps borrow from it */
    const Observed *observed;
    const char *cluster; /* the uid that marks this Kubernetes */
    int64_t api_level;   /* of the server                      */
} PlanInput;

/* The steps that make JetStream what is desired; none when it is already so.
 *
 * ERROR_OWNED or ERROR_UNOWNED for a stream that is not this tenant's; ERROR_INVALID for a change
 * that would need a new stream or consumer: dropping data is never the controller's choice;
 * ERROR_UNSUPPORTED for one that needs a newer server. */
int tenant_plan(const PlanInput *input, Plan *ret_plan, Error *reterr) MUST_CHECK;

/* The steps that a deletion asks for: the stream goes if it carries this tenant's mark and the
 * policy says Delete. What is somebody else's stays without an error. `desired` is not looked at.
 */
void tenant_plan_delete(const PlanInput *input, Plan *ret_plan);

#endif

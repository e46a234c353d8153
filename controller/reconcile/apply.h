/* Performs a step of a plan. */
#ifndef APPLY_H
#define APPLY_H

#include "connection.h"
#include "observed.h"
#include "plan.h"

/* Does STEP to STREAM and brings OBSERVED up to date from the server's answer, so that a second
 * plan tells whether the server took it as it was meant, without another request.
 *
 * Idempotent: a step that a pass did which did not live to see the answer is done again without
 * harm. Errors as of api_request(). */
int apply_step(NatsConnection *nats, const char *stream, const Step *step, Observed *observed,
               Error *reterr) MUST_CHECK;

#endif

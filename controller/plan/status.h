/* The status of a Tenant: built from what was observed, and compared with what stands there, so
 * that an idle fleet costs no write. Pure. */
#ifndef STATUS_H
#define STATUS_H

#include "conditions.h"
#include "observed.h"
#include "surroundings.h"
#include "tenant.h"

/* Annotations: what ends DataLossSuspected, its value being the new stream's status.stream.created;
 * what asks for a look, ours and Flux', and comes back as status.lastHandledReconcileAt. A change
 * of one queues the Tenant: see cache.c. */
#define STATUS_DATA_LOSS      "DataLossSuspected"
#define STATUS_DATA_LOSS_SEEN "bulkhead.dev/data-loss-seen"
#define STATUS_RECONCILE_AT   "bulkhead.dev/reconcile-at"
#define STATUS_REQUESTED_AT   "reconcile.fluxcd.io/requestedAt"

typedef struct StatusInput {
    const Tenant *tenant;             /* its `status` is the one that stands there */
    const Observed *observed;         /* NULL: nothing could be read; the old numbers stay */
    const Surroundings *surroundings; /* NULL: nothing is known */
    Outcome outcome;
    const char *reason; /* for OUTCOME_RETRYING and OUTCOME_STALLED */
    const char *message;
    const char *now; /* RFC 3339 */
} StatusInput;

/* The whole status to apply; the caller's (cJSON_Delete). Counters of a thousand and more have
 * three significant digits: the exact numbers are metrics. */
cJSON *status_build(const StatusInput *input) __attribute__((__returns_nonnull__));

/* Whether a status can be brought up to date from OBSERVED, or NULL, by its numbers alone: it
 * speaks of this generation and of this very stream. */
bool status_can_recount(const Tenant *tenant, const Observed *observed);

/* The status that stands there, with the numbers that OBSERVED has (a survey's, which may lack a
 * consumer) and what the surroundings say. `outcome`, `reason` and `message` are not looked at.
 * Only after status_can_recount(). The caller's (cJSON_Delete). */
cJSON *status_recount(const StatusInput *input) __attribute__((__returns_nonnull__));

typedef enum StatusChange {
    STATUS_SAME,
    STATUS_COUNTERS, /* numbers alone differ: worth a write now and then */
    STATUS_NEWS,     /* write it at once                                 */
} StatusChange;

/* Sequences and times of events alone are no change: they ride along with the next write. */
StatusChange status_compare(const cJSON *old_status, const cJSON *new_status);

/* True if a consumer has something left to do, so that its numbers will change. */
bool status_is_moving(const cJSON *status);

#endif

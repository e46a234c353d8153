/* One pass over one Tenant: observe, plan, apply, report. */
#ifndef RECONCILE_H
#define RECONCILE_H

#include <pthread.h>

#include "api_request.h"
#include "capacity.h"
#include "fleet.h"
#include "report.h"

/* Shared by all workers. */
typedef struct Reconciler {
    Reporter reporter;
    NatsConnection *nats;
    Fleet *fleet;
    Capacity capacity;
    const char *cluster;              /* uid of the namespace kube-system: marks what is ours  */
    int64_t status_interval_ms;       /* between two writes that change nothing but numbers    */
    bool (*may_write)(void *context); /* asked right before each write; a leader may be none now */
    void *may_write_context;
    void (*store)(void *context, const cJSON *object); /* gets each object as our write left it */
    void *store_context;

    pthread_mutex_t lock; /* guards the next two */
    ServerInfo server;
    uint64_t server_epoch; /* of the connection that `server` was read on; 0: not read yet */
} Reconciler;

/* How a pass ended, for the queue, the log and the metrics. */
typedef struct PassEnd {
    Error error;              /* kind ERROR_NONE: it went well */
    int64_t again_ms;         /* look again after so long; -1: when something happens */
    bool recount;             /* and then at the numbers alone */
    bool counted;             /* numbers were written, or are as they were */
    bool doubt;               /* a write failed; what it left is not known until it is read */
    bool looked;              /* at the stream, which the pass left ... */
    uint64_t print;           /* ... as stream_print() says */
    char *draft;              /* what is left for reconcile_draft(), the caller's; or NULL */
    char did[ERROR_TEXT_MAX]; /* the steps that were done, in words; "" if none */
} PassEnd;

typedef struct PassOrder {
    int64_t counted_ms; /* how long ago the tenant's numbers were written; INT64_MAX: never */
    bool may_leave;     /* a status may be left as a draft, since others wait               */
    bool doubt;         /* as an earlier pass ended                                         */
} PassOrder;

/* OBJECT is the Tenant as last read; borrowed. Blocks for as long as its requests take. */
void reconcile(Reconciler *self, const cJSON *object, const PassOrder *order, PassEnd *ret_end);

/* Writes the status that an earlier pass left, or asks for a look if the Tenant changed since. */
void reconcile_draft(Reconciler *self, const cJSON *object, const char *draft, PassEnd *ret_end);

/* Brings the numbers in the status and the metrics up to date from what the fleet knows: asks NATS
 * nothing, and writes only what changed, and not too often. */
void reconcile_numbers(Reconciler *self, const cJSON *object, const PassOrder *order,
                       PassEnd *ret_end);

#endif

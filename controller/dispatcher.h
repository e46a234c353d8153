/* Between those who notice and those who act: the cache and the queue under one lock.
 *
 * The watch, advisories, the sweep and NATS' return only put keys in; workers take them out, a
 * key at a time. */
#ifndef DISPATCHER_H
#define DISPATCHER_H

#include "cache.h"
#include "error.h"
#include "queue.h"

/* The bounds of client-go's histograms of a work queue, in seconds. */
enum { WORKQUEUE_BUCKETS = 12 };
extern const double workqueue_buckets[WORKQUEUE_BUCKETS];

typedef struct Dispatcher Dispatcher;

Dispatcher *dispatcher_new(CacheVersionCompare *compare) __attribute__((__returns_nonnull__));

/* Every worker must have returned. Takes NULL. */
void dispatcher_free(Dispatcher *self);

/* For the watch. */
void dispatcher_sync_begin(Dispatcher *self);
void dispatcher_sync_end(Dispatcher *self);
void dispatcher_put(Dispatcher *self, const cJSON *object, bool initial);
void dispatcher_delete(Dispatcher *self, const cJSON *object);

/* True once the first whole list has come: only then is what is missing known to be gone. */
bool dispatcher_synced(Dispatcher *self);

/* The object as our own write left it, so that the next pass reads what this one wrote. */
void dispatcher_store(Dispatcher *self, const cJSON *object);

/* Asks for a look at one tenant, known or not; at all that are known, behind the retries, which are
 * due at once. One for QUEUE_NUMBERS leaves alone what waits for a retry. */
void dispatcher_enqueue(Dispatcher *self, const char *tenant, QueuePriority priority);
void dispatcher_enqueue_all(Dispatcher *self);

/* Asks for the numbers of all that are known. */
void dispatcher_recount_all(Dispatcher *self);

/* Whatever waits for a retry is due now: a server has come back. */
void dispatcher_wake(Dispatcher *self);

/* True if a look at some tenant failed, and has not gone well since. */
bool dispatcher_failing(Dispatcher *self);

/* A sweep over all streams begins; it saw the stream of TENANT, which stream_print() gives PRINT;
 * and it saw the last. A tenant whose stream is not as it was last looked at is queued. */
void dispatcher_sweep_begin(Dispatcher *self);
void dispatcher_swept(Dispatcher *self, const char *tenant, uint64_t print);
void dispatcher_sweep_end(Dispatcher *self);

typedef struct Job {
    char *tenant; /* the name */
    char *object; /* as JSON; NULL: there is no such Tenant */
    QueuePriority priority;
    char *draft;    /* what the last job left to be written, and what this one leaves, or NULL */
    bool may_leave; /* others wait for a worker, so that it may */
    bool doubt;     /* as the last job ended: see JobEnd */
    int64_t counted_ms; /* when its numbers were last written, by clock_ms(); 0: never */
} Job;

/* Waits for the next job; false when dispatcher_stop() was called. */
bool dispatcher_take(Dispatcher *self, Job *ret_job);

/* How a job ended: a Retry of error.h, and for RETRY_NEVER when to look again all the same. */
typedef struct JobEnd {
    Retry retry;
    int64_t again_ms; /* from now; -1: when something happens */
    bool recount;     /* and then for the numbers alone       */
    bool doubt;       /* a write failed: the object may be newer than what is known here */
    bool looked;      /* at the stream ...                    */
    uint64_t print;   /* ... which is this by stream_print()  */
} JobEnd;

/* Keeps the job's counted_ms and draft for the next one and frees what it holds. A job that leaves
 * a draft, which must have gone well, comes again for QUEUE_REPORT. One for numbers alone that went
 * well leaves the retries of the tenant as they are. */
void dispatcher_finish(Dispatcher *self, Job *job, JobEnd end);

/* True once after each burst of work, when nothing is ready, nothing is being worked on, and no job
 * was taken since the last call: so call it now and then, from one thread. */
bool dispatcher_rests(Dispatcher *self);

void dispatcher_stop(Dispatcher *self);

typedef struct DispatcherCounts {
    size_t depth;   /* ready keys            */
    size_t active;  /* keys being worked on  */
    size_t objects; /* Tenants known         */
} DispatcherCounts;

/* client-go's workqueue_* and the number of Tenants. Call once, from main. */
void dispatcher_register_metrics(void);

DispatcherCounts dispatcher_counts(Dispatcher *self);

#endif

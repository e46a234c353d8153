#include "dispatcher.h"

#include <pthread.h>
#include <time.h>

#include "alloc.h"
#include "clock.h"
#include "metrics.h"

enum {
    RETRY_SLOWLY_MS = 60 * 1000,
    DRAFTS_MAX = 4096, /* some kilobytes each */
};

#define QUEUE_NAME "tenant"

const double workqueue_buckets[WORKQUEUE_BUCKETS] = {1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3,
                                                     1e-2, 1e-1, 1,    10,   100,  1000};

static Metric depth = {
    .name = "workqueue_depth",
    .type = METRIC_GAUGE,
    .help = "Tenants that are due and wait for a worker.",
    .labels = {"name"},
};
static Metric adds = {
    .name = "workqueue_adds_total",
    .type = METRIC_COUNTER,
    .help = "Tenants put into the queue.",
    .labels = {"name"},
};
static Metric retries = {
    .name = "workqueue_retries_total",
    .type = METRIC_COUNTER,
    .help = "Tenants put back because a pass failed.",
    .labels = {"name"},
};
static Metric waited = {
    .name = "workqueue_queue_duration_seconds",
    .type = METRIC_HISTOGRAM,
    .help = "How long a Tenant that was due waited for a worker.",
    .labels = {"name"},
    .buckets = workqueue_buckets,
    .bucket_count = WORKQUEUE_BUCKETS,
};
static Metric tenants = {
    .name = "bulkhead_tenants",
    .type = METRIC_GAUGE,
    .help = "Tenants known.",
};

void dispatcher_register_metrics(void)
{
    metrics_register(&depth);
    metrics_register(&adds);
    metrics_register(&retries);
    metrics_register(&waited);
    metrics_register(&tenants);
}

struct Dispatcher {
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t changed;
    Cache *cache;
    Queue *queue;
    uint32_t sweep;        /* the one that is or was under way; the first is 1 */
    uint64_t taken;        /* jobs, ever                              */
    uint64_t taken_before; /* at the last dispatcher_rests()          */
    uint64_t taken_told;   /* at the last one that said that it rests */
    bool synced;
    bool acting; /* somebody takes; a standby's queue is no backlog */
    bool stopped;
};

Dispatcher *dispatcher_new(CacheVersionCompare *compare)
{
    Dispatcher *self = xcalloc(1, sizeof *self);
    pthread_condattr_t monotonic;

    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&self->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&self->lock, NULL);
    self->cache = cache_new(compare);
    self->queue = queue_new();
    return self;
}

void dispatcher_free(Dispatcher *self)
{
    if (self == NULL)
        return;
    cache_free(self->cache);
    queue_free(self->queue);
    (void)pthread_cond_destroy(&self->changed);
    (void)pthread_mutex_destroy(&self->lock);
    free(self);
}

static void lock(Dispatcher *self)
{
    (void)pthread_mutex_lock(&self->lock);
    queue_tick(self->queue, clock_ms());
}

static void unlock(Dispatcher *self)
{
    (void)pthread_mutex_unlock(&self->lock);
}

static void measure(const Dispatcher *self)
{
    metric_set(&depth, self->acting ? (double)queue_depth(self->queue) : 0, QUEUE_NAME);
}

static void add(Dispatcher *self, const char *tenant, QueuePriority priority)
{
    queue_add(self->queue, tenant, priority);
    metric_add(&adds, 1, QUEUE_NAME);
    measure(self);
    metric_set(&tenants, (double)cache_count(self->cache));
    (void)pthread_cond_signal(&self->changed);
}

static void add_backlog(void *context, const char *tenant)
{
    add(context, tenant, QUEUE_BACKLOG);
}

static void add_look(void *context, const char *tenant)
{
    add(context, tenant, QUEUE_LOOK);
}

static void add_numbers(void *context, const char *tenant)
{
    add(context, tenant, QUEUE_NUMBERS);
}

void dispatcher_sync_begin(Dispatcher *self)
{
    lock(self);
    cache_sync_begin(self->cache);
    unlock(self);
}

void dispatcher_sync_end(Dispatcher *self)
{
    lock(self);
    cache_sync_end(self->cache, add_backlog, self);
    self->synced = true;
    unlock(self);
}

static void add_changed(Dispatcher *self, const cJSON *object, CacheChange change,
                        QueuePriority priority)
{
    if (change == CACHE_CHANGED)
        add(self, json_text(object, "metadata.name", ""), priority);
}

void dispatcher_put(Dispatcher *self, const cJSON *object, bool initial)
{
    lock(self);
    add_changed(self, object, cache_put(self->cache, object), initial ? QUEUE_BACKLOG : QUEUE_USER);
    unlock(self);
}

void dispatcher_store(Dispatcher *self, const cJSON *object)
{
    lock(self);
    add_changed(self, object, cache_store(self->cache, object), QUEUE_USER);
    unlock(self);
}

void dispatcher_delete(Dispatcher *self, const cJSON *object)
{
    lock(self);
    if (cache_delete(self->cache, object))
        add(self, json_text(object, "metadata.name", ""), QUEUE_USER);
    unlock(self);
}

bool dispatcher_synced(Dispatcher *self)
{
    lock(self);
    bool synced = self->synced;
    unlock(self);
    return synced;
}

void dispatcher_enqueue(Dispatcher *self, const char *tenant, QueuePriority priority)
{
    lock(self);
    add(self, tenant, priority);
    unlock(self);
}

void dispatcher_wake(Dispatcher *self)
{
    lock(self);
    queue_wake_all(self->queue);
    (void)pthread_cond_broadcast(&self->changed);
    unlock(self);
}

bool dispatcher_failing(Dispatcher *self)
{
    lock(self);
    bool failing = queue_failing(self->queue) > 0;
    unlock(self);
    return failing;
}

void dispatcher_enqueue_all(Dispatcher *self)
{
    lock(self);
    queue_wake_all(self->queue);
    cache_each(self->cache, add_look, self);
    (void)pthread_cond_broadcast(&self->changed);
    unlock(self);
}

void dispatcher_recount_all(Dispatcher *self)
{
    lock(self);
    cache_each(self->cache, add_numbers, self);
    (void)pthread_cond_broadcast(&self->changed);
    unlock(self);
}

void dispatcher_sweep_begin(Dispatcher *self)
{
    lock(self);
    self->sweep++;
    unlock(self);
}

/* A stream that no Tenant asks for is nobody's work. */
void dispatcher_swept(Dispatcher *self, const char *tenant, uint64_t print)
{
    lock(self);
    CacheNote *note = cache_note(self->cache, tenant);
    bool differs = note != NULL && note->print != print;
    if (note != NULL) {
        note->print = print;
        note->sweep = self->sweep;
    }
    if (differs)
        add(self, tenant, QUEUE_BACKLOG);
    unlock(self);
}

static void add_vanished(void *context, const char *tenant)
{
    Dispatcher *self = context;
    CacheNote *note = cache_note(self->cache, tenant);

    if (note->sweep == self->sweep || note->print == 0)
        return;
    note->print = 0;
    add(self, tenant, QUEUE_BACKLOG);
}

void dispatcher_sweep_end(Dispatcher *self)
{
    lock(self);
    cache_each(self->cache, add_vanished, self);
    unlock(self);
}

/* Waits until something is put in, or the next delayed key is due. The lock is held. */
static void wait_for_work(Dispatcher *self, int64_t wait_ms)
{
    if (wait_ms < 0) {
        (void)pthread_cond_wait(&self->changed, &self->lock);
        return;
    }
    int64_t until_ms = clock_ms() + wait_ms;
    const struct timespec until = {
        .tv_sec = until_ms / 1000,
        .tv_nsec = until_ms % 1000 * 1000000,
    };

    (void)pthread_cond_timedwait(&self->changed, &self->lock, &until);
}

static Job job_of(Dispatcher *self, const char *key)
{
    QueuePriority priority = queue_priority(self->queue, key);
    CacheNote *note = cache_note(self->cache, key);
    Job job = {
        .tenant = xstrdup(key),
        .object = cache_get(self->cache, key),
        .priority = priority,
        .may_leave = priority == QUEUE_BACKLOG && queue_depth_of(self->queue, QUEUE_BACKLOG) > 0 &&
                     queue_depth_of(self->queue, QUEUE_REPORT) < DRAFTS_MAX,
    };

    if (note != NULL) {
        job.counted_ms = note->counted_ms;
        job.doubt = note->doubt;
        job.draft = TAKE(note->draft);
    }
    return job;
}

bool dispatcher_take(Dispatcher *self, Job *ret_job)
{
    const char *key = NULL;

    lock(self);
    self->acting = true;
    while (!self->stopped) {
        key = queue_take(self->queue, clock_ms());
        if (key != NULL)
            break;
        wait_for_work(self, queue_wait_ms(self->queue, clock_ms()));
    }
    if (key != NULL) {
        *ret_job = job_of(self, key);
        self->taken++;
        metric_observe(&waited, (double)queue_waited_ms(self->queue, key) / 1e3, QUEUE_NAME);
    }
    measure(self);
    unlock(self);
    return key != NULL;
}

static void look_again(Dispatcher *self, const char *tenant, JobEnd end)
{
    int64_t due_ms = clock_ms() + end.again_ms;

    if (end.again_ms >= 0 && end.recount)
        queue_recount_at(self->queue, tenant, due_ms);
    else if (end.again_ms >= 0)
        queue_add_at(self->queue, tenant, due_ms);
}

static void finish(Dispatcher *self, const char *tenant, JobEnd end)
{
    int64_t now_ms = clock_ms();

    switch (end.retry) {
    case RETRY_NOW: /* the first delay is short enough, and a second time it is not the same */
    case RETRY_BACKOFF:
        metric_add(&retries, 1, QUEUE_NAME);
        (void)queue_retry(self->queue, tenant, now_ms, random_u32());
        return;
    case RETRY_SLOWLY:
        queue_forget(self->queue, tenant);
        queue_add_at(self->queue, tenant, now_ms + RETRY_SLOWLY_MS);
        return;
    case RETRY_NEVER:
    case RETRY_ON_CHANGE:
        queue_forget(self->queue, tenant);
        look_again(self, tenant, end);
        return;
    }
    assert(!"unknown retry");
}

static void remember(Dispatcher *self, Job *job, JobEnd end)
{
    CacheNote *note = cache_note(self->cache, job->tenant);

    if (note == NULL)
        return;
    note->counted_ms = job->counted_ms;
    note->doubt = end.doubt;
    if (end.looked)
        note->print = end.print;
    if (job->draft != NULL)
        add(self, job->tenant, QUEUE_REPORT);
    note->draft = TAKE(job->draft);
}

static void job_done(Job *job)
{
    free(job->tenant);
    free(job->object);
    free(job->draft);
    *job = (Job){0};
}

void dispatcher_finish(Dispatcher *self, Job *job, JobEnd end)
{
    assert(job->draft == NULL || end.retry == RETRY_NEVER);
    lock(self);
    if (job->priority != QUEUE_NUMBERS || end.retry != RETRY_NEVER)
        finish(self, job->tenant, end);
    else
        look_again(self, job->tenant, end);
    remember(self, job, end);
    queue_done(self->queue, job->tenant);
    (void)pthread_cond_signal(&self->changed); /* a sleeper may have slept for too long */
    unlock(self);
    job_done(job);
}

bool dispatcher_rests(Dispatcher *self)
{
    lock(self);
    bool rests = self->taken != self->taken_told && self->taken == self->taken_before &&
                 queue_depth(self->queue) == 0 && queue_active(self->queue) == 0;
    self->taken_before = self->taken;
    if (rests)
        self->taken_told = self->taken;
    unlock(self);
    return rests;
}

void dispatcher_stop(Dispatcher *self)
{
    lock(self);
    self->stopped = true;
    (void)pthread_cond_broadcast(&self->changed);
    unlock(self);
}

DispatcherCounts dispatcher_counts(Dispatcher *self)
{
    lock(self);
    DispatcherCounts counts = {
        .depth = queue_depth(self->queue),
        .active = queue_active(self->queue),
        .objects = cache_count(self->cache),
    };
    unlock(self);
    return counts;
}

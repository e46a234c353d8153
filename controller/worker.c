#include "worker.h"

#include <stdatomic.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "tenant_metrics.h"

#define CONTROLLER "tenant"

/* controller-runtime's. */
static const double time_buckets[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3,  0.35,
                                      0.4,   0.45, 0.5,   0.6,  0.7, 0.8,  0.9, 1,    1.25, 1.5,
                                      1.75,  2,    2.5,   3,    3.5, 4,    4.5, 5,    6,    7,
                                      8,     9,    10,    15,   20,  25,   30,  40,   50,   60};

static Metric reconciles = {
    .name = "controller_runtime_reconcile_total",
    .type = METRIC_COUNTER,
    .help = "Passes over a Tenant, by result.",
    .labels = {"controller", "result"},
};
static Metric errors = {
    .name = "controller_runtime_reconcile_errors_total",
    .type = METRIC_COUNTER,
    .help = "Passes that failed.",
    .labels = {"controller"},
};
static Metric terminal_errors = {
    .name = "controller_runtime_terminal_reconcile_errors_total",
    .type = METRIC_COUNTER,
    .help = "Passes that failed in a way that waiting does not help.",
    .labels = {"controller"},
};
static Metric times = {
    .name = "controller_runtime_reconcile_time_seconds",
    .type = METRIC_HISTOGRAM,
    .help = "Length of a pass.",
    .labels = {"controller"},
    .buckets = time_buckets,
    .bucket_count = ARRAY_SIZE(time_buckets),
};
static Metric active = {
    .name = "controller_runtime_active_workers",
    .type = METRIC_GAUGE,
    .help = "Workers in a pass.",
    .labels = {"controller"},
};
static Metric limit = {
    .name = "controller_runtime_max_concurrent_reconciles",
    .type = METRIC_GAUGE,
    .help = "Workers there are.",
    .labels = {"controller"},
};

static Metric work_time = {
    .name = "workqueue_work_duration_seconds",
    .type = METRIC_HISTOGRAM,
    .help = "How long a worker had a Tenant that it took from the queue.",
    .labels = {"name"},
    .buckets = workqueue_buckets,
    .bucket_count = WORKQUEUE_BUCKETS,
};
static Metric unfinished = {
    .name = "workqueue_unfinished_work_seconds",
    .type = METRIC_GAUGE,
    .help = "For how long the passes under way have lasted, all together.",
    .labels = {"name"},
};
static Metric longest = {
    .name = "workqueue_longest_running_processor_seconds",
    .type = METRIC_GAUGE,
    .help = "For how long the longest pass under way has lasted.",
    .labels = {"name"},
};

typedef struct Worker {
    WorkerPool *pool;
    pthread_t thread;
    _Atomic int64_t began_ms; /* of the pass it is in; 0: it waits for one */
} Worker;

struct WorkerPool {
    Dispatcher *dispatcher;
    Reconciler *reconciler;
    size_t count;
    Worker workers[];
};

void workers_register_metrics(size_t count)
{
    metrics_register(&reconciles);
    metrics_register(&errors);
    metrics_register(&terminal_errors);
    metrics_register(&times);
    metrics_register(&active);
    metrics_register(&limit);
    metrics_register(&work_time);
    metrics_register(&unfinished);
    metrics_register(&longest);
    metric_set(&limit, (double)count, CONTROLLER);
}

static void log_end(const char *tenant, const PassEnd *end)
{
    if (end->did[0] != '\0')
        log_info("reconciled", KV("tenant", tenant), KV("did", end->did));
    if (end->error.kind != ERROR_NONE && error_retry(end->error.kind) != RETRY_NOW)
        log_warn("not reconciled", KV("tenant", tenant),
                 KV("reason", error_reason(end->error.kind)), KV("error", end->error.text));
}

static void count_end(const PassEnd *end, bool draft, int64_t took_us)
{
    const bool failed = end->error.kind != ERROR_NONE;
    const char *result = failed               ? "error"
                         : draft              ? "requeue"
                         : end->again_ms >= 0 ? "requeue_after"
                                              : "success";

    metric_add(&reconciles, 1, CONTROLLER, result);
    metric_observe(&times, (double)took_us / 1e6, CONTROLLER);
    metric_observe(&work_time, (double)took_us / 1e6, CONTROLLER);
    if (failed)
        metric_add(&errors, 1, CONTROLLER);
    if (failed && error_is_terminal(end->error.kind))
        metric_add(&terminal_errors, 1, CONTROLLER);
}

/* What the job found as a draft is used up in either case. */
static void pass_choose(Reconciler *reconciler, const Job *job, const cJSON *object,
                        const char *draft, PassEnd *ret_end)
{
    const PassOrder order = {
        .counted_ms = job->counted_ms == 0 ? INT64_MAX : clock_ms() - job->counted_ms,
        .may_leave = job->may_leave,
        .doubt = job->doubt,
    };

    if (job->priority == QUEUE_REPORT && draft != NULL)
        reconcile_draft(reconciler, object, draft, ret_end);
    else if (job->priority == QUEUE_NUMBERS)
        reconcile_numbers(reconciler, object, &order, ret_end);
    else
        reconcile(reconciler, object, &order, ret_end);
}

static void pass_run(Reconciler *reconciler, Job *job, PassEnd *ret_end)
{
    DEFER(defer_json) cJSON *object = NULL;
    DEFER(defer_free) char *draft = TAKE(job->draft);

    if (json_parse(job->object, strlen(job->object), &object, &ret_end->error) < 0)
        return;
    pass_choose(reconciler, job, object, draft, ret_end);
    job->draft = TAKE(ret_end->draft);
    if (ret_end->counted)
        job->counted_ms = clock_ms();
}

static JobEnd job_run(Reconciler *reconciler, Job *job)
{
    PassEnd end = {.again_ms = -1};
    int64_t began_us = clock_us();

    if (job->object == NULL) {
        tenant_metrics_forget(job->tenant);
        return (JobEnd){.retry = RETRY_NEVER, .again_ms = -1};
    }
    pass_run(reconciler, job, &end);
    log_end(job->tenant, &end);
    count_end(&end, job->draft != NULL, clock_us() - began_us);
    return (JobEnd){
        .retry = error_retry(end.error.kind),
        .again_ms = end.again_ms,
        .recount = end.recount,
        .doubt = end.doubt,
        .looked = end.looked,
        .print = end.print,
    };
}

static void *run(void *context)
{
    Worker *self = context;
    Dispatcher *dispatcher = self->pool->dispatcher;
    Job job;

    while (dispatcher_take(dispatcher, &job)) {
        atomic_store(&self->began_ms, clock_ms());
        metric_add(&active, 1, CONTROLLER);
        JobEnd end = job_run(self->pool->reconciler, &job);
        metric_add(&active, -1, CONTROLLER);
        atomic_store(&self->began_ms, 0);
        dispatcher_finish(dispatcher, &job, end);
    }
    return NULL;
}

WorkerPool *workers_start(Dispatcher *dispatcher, Reconciler *reconciler, size_t count)
{
    WorkerPool *pool = xcalloc(1, sizeof *pool + count * sizeof(Worker));

    *pool = (WorkerPool){.dispatcher = dispatcher, .reconciler = reconciler, .count = count};
    for (size_t i = 0; i < count; i++) {
        pool->workers[i].pool = pool;
        int r = pthread_create(&pool->workers[i].thread, NULL, run, &pool->workers[i]);

        assert(r == 0);
    }
    return pool;
}

static int64_t running_ms(const Worker *worker, int64_t now_ms)
{
    int64_t began_ms = atomic_load(&worker->began_ms);

    return began_ms > 0 ? now_ms - began_ms : 0;
}

int64_t workers_longest_ms(const WorkerPool *pool)
{
    int64_t now_ms = clock_ms();
    int64_t longest_ms = 0;

    for (size_t i = 0; i < pool->count; i++)
        longest_ms = max_i64(longest_ms, running_ms(&pool->workers[i], now_ms));
    return longest_ms;
}

void workers_measure(const WorkerPool *pool)
{
    int64_t now_ms = clock_ms();
    int64_t sum_ms = 0;

    for (size_t i = 0; i < pool->count; i++)
        sum_ms += running_ms(&pool->workers[i], now_ms);
    metric_set(&unfinished, (double)sum_ms / 1e3, CONTROLLER);
    metric_set(&longest, (double)workers_longest_ms(pool) / 1e3, CONTROLLER);
}

void workers_join(WorkerPool *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->count; i++)
        (void)pthread_join(pool->workers[i].thread, NULL);
    free(pool);
}

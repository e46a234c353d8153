#include "loop.h"

#include <pthread.h>
#include <stdatomic.h>

#include "alloc.h"
#include "backoff.h"
#include "clock.h"
#include "log.h"
#include "relay_metrics.h"
#include "stop.h"

enum {
    ALIVE_MS = 10 * 1000,
    STOP_GRACE_MS = 8 * 1000, /* less than the 30 s that Kubernetes gives */
    TELL_AGAIN_MS = 60 * 1000,
};

static const Backoff reopen_backoff = {.first_ms = 200, .last_ms = 5000};

typedef struct Worker {
    size_t number;
    char label[8];
    pthread_t thread;
    Drain *drain;
    atomic_int_least64_t turned_ms;
    int64_t stop_ms; /* when it noticed the stop; 0: not yet */
    bool opening;    /* ... its connection: nothing is lost with it */

    pthread_mutex_t lock; /* guards what follows */
    bool has_database;
    bool has_nats;
    bool told_nats; /* people know whether there is a connection */
    char why[ERROR_TEXT_MAX];
} Worker;

struct Loops {
    Worker *workers;
    size_t count;
    pthread_mutex_t lock;
    char shown[ERROR_TEXT_MAX];
};

/* Called while the worker waits for PostgreSQL: it is alive; a stop may take a moment, not more. */
static bool go_on(void *context)
{
    Worker *self = context;

    atomic_store(&self->turned_ms, clock_ms());
    if (!stop_requested())
        return true;
    if (self->opening)
        return false;
    if (self->stop_ms == 0)
        self->stop_ms = clock_ms();
    return clock_ms() - self->stop_ms < STOP_GRACE_MS;
}

static void note_state(Worker *self, bool has_database, const char *why)
{
    char nats_why[ERROR_TEXT_MAX];
    bool has_nats = drain_has_nats(self->drain, nats_why);

    (void)pthread_mutex_lock(&self->lock);
    if (has_nats != self->has_nats || !self->told_nats) {
        metric_set(&metric_nats_connected, has_nats ? 1 : 0, self->label);
        if (has_nats)
            log_info("connected to NATS", KV("worker", self->label));
        else
            log_warn("no connection to NATS; trying on", KV("worker", self->label),
                     KV("error", nats_why));
    }
    if (has_database != self->has_database)
        metric_set(&metric_database_connected, has_database ? 1 : 0, self->label);
    self->has_database = has_database;
    self->has_nats = has_nats;
    self->told_nats = true;
    if (!has_database)
        (void)snprintf(self->why, sizeof self->why, "%s", why);
    else if (!has_nats)
        (void)snprintf(self->why, sizeof self->why, "NATS: %.400s",
                       nats_why[0] != '\0' ? nats_why : "not connected");
    (void)pthread_mutex_unlock(&self->lock);
}

/* The same complaint again is news once a minute. */
typedef struct Complaint {
    char text[ERROR_TEXT_MAX];
    int64_t told_ms;
} Complaint;

static void complain(const Worker *self, Complaint *complaint, const Error *error)
{
    if (text_eq(complaint->text, error->text) && clock_ms() - complaint->told_ms < TELL_AGAIN_MS)
        return;
    (void)snprintf(complaint->text, sizeof complaint->text, "%s", error->text);
    complaint->told_ms = clock_ms();
    log_error("cannot work on the outbox; trying on", KV("worker", self->label),
              KV("error", error->text));
}

static int open_or_turn(Worker *self, Error *reterr)
{
    if (drain_is_open(self->drain))
        return drain_turn(self->drain, reterr);
    self->opening = true;
    int r = drain_open(self->drain, reterr);
    self->opening = false;
    if (r < 0)
        return -1;
    log_info("connected to PostgreSQL", KV("worker", self->label));
    return 0;
}

static void work(Worker *self)
{
    Complaint complaint = {0};
    uint32_t failures = 0;
    Error error;

    while (!stop_requested()) {
        atomic_store(&self->turned_ms, clock_ms());
        if (open_or_turn(self, &error) == 0) {
            failures = drain_is_open(self->drain) && failures > 0 ? failures - 1 : 0;
            note_state(self, true, "");
            continue;
        }
        if (stop_requested())
            break;
        metric_add(&metric_exchange_errors, 1);
        complain(self, &complaint, &error);
        note_state(self, false, error.text);
        (void)stop_wait_ms(backoff_delay_ms(&reopen_backoff, failures++, random_u32()));
    }
}

static void *worker_run(void *context)
{
    Worker *self = context;
    Error error;

    work(self);
    if (drain_finish(self->drain, &error) < 0)
        log_warn("the last batch is left to the next relay", KV("worker", self->label),
                 KV("error", error.text));
    drain_free(self->drain); /* here: all workers close their connections at the same time */
    return NULL;
}

static int worker_start(Worker *self, const DrainSettings *settings, Error *reterr)
{
    DrainSettings own = *settings;

    own.worker = self->number;
    own.waiter = (PostgresWaiter){.go_on = go_on, .context = self};
    (void)snprintf(self->label, sizeof self->label, "%zu", self->number);
    (void)pthread_mutex_init(&self->lock, NULL);
    (void)snprintf(self->why, sizeof self->why, "starting");
    atomic_store(&self->turned_ms, clock_ms());
    if (drain_new(&own, &self->drain, reterr) < 0)
        return -1;
    if (pthread_create(&self->thread, NULL, worker_run, self) != 0) {
        drain_free(TAKE(self->drain));
        return error_set(reterr, ERROR_BUSY, "cannot start a thread");
    }
    return 0;
}

int loops_start(const DrainSettings *settings, size_t count, Loops **ret_loops, Error *reterr)
{
    Loops *self = xcalloc(1, sizeof *self);
    DrainSettings all = *settings;

    all.workers = count;
    (void)pthread_mutex_init(&self->lock, NULL);
    self->workers = xcalloc(count, sizeof(Worker));
    /* Where NATS does not answer each takes its time: a stop comes between them. */
    for (size_t i = 0; i < count && !stop_requested(); i++) {
        self->workers[i].number = i;
        if (worker_start(&self->workers[i], &all, reterr) < 0) {
            stop_request();
            loops_join(self);
            return -1;
        }
        self->count = i + 1;
    }
    *ret_loops = self;
    return 0;
}

void loops_join(Loops *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->count; i++)
        (void)pthread_join(self->workers[i].thread, NULL);
    free(self->workers);
    free(self);
}

const char *loops_alive(Loops *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (clock_ms() - atomic_load(&self->workers[i].turned_ms) > ALIVE_MS)
            return "a worker has not turned for ten seconds";
    }
    return NULL;
}

const char *loops_ready(Loops *self)
{
    for (size_t i = 0; i < self->count; i++) {
        Worker *worker = &self->workers[i];

        (void)pthread_mutex_lock(&worker->lock);
        bool ready = worker->has_database && worker->has_nats;
        if (!ready)
            memcpy(self->shown, worker->why, sizeof self->shown);
        (void)pthread_mutex_unlock(&worker->lock);
        if (!ready)
            return self->shown;
    }
    return NULL;
}

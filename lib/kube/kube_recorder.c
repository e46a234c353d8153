#include "kube_recorder.h"

#include <pthread.h>
#include <time.h>

#include "alloc.h"
#include "clock.h"
#include "event_series.h"
#include "kube_object.h"
#include "metrics.h"

enum { IDLE_MS = 30 * 1000, JITTER_PARTS = 4 };

static Metric told = {
    .name = "bulkhead_events_total",
    .type = METRIC_COUNTER,
    .help = "Kubernetes Events, by what became of them: created; counted, in an Event that was "
            "there; dropped, because too many waited; failed.",
    .labels = {"result"},
};

struct KubeRecorder {
    KubeRecorderSettings settings;
    EventBook *book; /* the thread's alone */
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    cJSON *queue[KUBE_RECORDER_QUEUE]; /* a ring */
    size_t first;
    size_t count;
    int64_t deadline_ms; /* of the end; 0: there is none yet */
};

void kube_recorder_register_metrics(void)
{
    metrics_register(&told);
}

/* With the lock held: until woken, or until then. */
static void wait_locked(KubeRecorder *self, int64_t until_ms)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                                   .tv_nsec = (long)(until_ms % 1000) * 1000000L};

    (void)pthread_cond_timedwait(&self->wake, &self->lock, &until);
}

static bool is_late(KubeRecorder *self)
{
    (void)pthread_mutex_lock(&self->lock);
    bool late = self->deadline_ms != 0 && clock_ms() >= self->deadline_ms;
    (void)pthread_mutex_unlock(&self->lock);
    return late;
}

/* False if there is no time left for another try. */
static bool rest(KubeRecorder *self)
{
    const int64_t ms = self->settings.retry_ms;
    const int64_t until_ms = clock_ms() + ms - ms / JITTER_PARTS / 2 +
                             random_u32() % (uint32_t)max_i64(1, ms / JITTER_PARTS);

    (void)pthread_mutex_lock(&self->lock);
    while (self->deadline_ms == 0 && clock_ms() < until_ms)
        wait_locked(self, until_ms);
    bool closing = self->deadline_ms != 0;
    (void)pthread_mutex_unlock(&self->lock);
    return !closing;
}

static int try_to_tell(KubeRecorder *self, EventSeries *series, Error *reterr)
{
    KubeClient *client = self->settings.client;

    if (series->told > 0 && kube_event_count(client, series->object, reterr) == 0)
        return 0;
    if (series->told > 0 && reterr->kind != ERROR_NOT_FOUND)
        return -1;
    series->told = 0; /* it expired in the API server, or never came there */
    return kube_event_post(client, series->object, reterr);
}

static void tell(KubeRecorder *self, EventSeries *series)
{
    Error error = {.kind = ERROR_BUSY, .text = "no time was left to tell it"};
    int r = -1;

    for (int tries = 1; r < 0 && !is_late(self); tries++) {
        r = try_to_tell(self, series, &error);
        if (r < 0 && (error.kind != ERROR_BUSY || tries == KUBE_RECORDER_TRIES || !rest(self)))
            break;
    }
    metric_add(&told, 1, r < 0 ? "failed" : series->told > 0 ? "counted" : "created");
    if (r < 0 && self->settings.on_lost != NULL)
        self->settings.on_lost(self->settings.context, &error);
    event_series_told(series, clock_ms());
}

static void tell_due(KubeRecorder *self, int64_t now_ms, bool closing)
{
    EventSeries *series;

    while ((series = event_book_due(self->book, now_ms, closing)) != NULL)
        tell(self, series);
    event_book_tidy(self->book, now_ms);
}

/* The next Event, or NULL after a while without one; RET_CLOSING: and there will be none. */
static cJSON *take(KubeRecorder *self, bool *ret_closing)
{
    cJSON *event = NULL;

    (void)pthread_mutex_lock(&self->lock);
    if (self->count == 0 && self->deadline_ms == 0)
        wait_locked(self, clock_ms() + IDLE_MS);
    if (self->count > 0) {
        event = self->queue[self->first];
        self->first = (self->first + 1) % KUBE_RECORDER_QUEUE;
        self->count--;
    }
    *ret_closing = event == NULL && self->deadline_ms != 0;
    (void)pthread_mutex_unlock(&self->lock);
    return event;
}

static void *run(void *context)
{
    KubeRecorder *self = context;
    bool closing = false;

    while (!closing) {
        cJSON *event = take(self, &closing);
        int64_t now_ms = clock_ms();

        tell_due(self, now_ms, closing);
        EventSeries *series = event != NULL ? event_book_add(self->book, event, now_ms) : NULL;
        if (series != NULL)
            tell(self, series);
    }
    return NULL;
}

KubeRecorder *kube_recorder_start(const KubeRecorderSettings *settings)
{
    KubeRecorder *self = xcalloc(1, sizeof *self);
    pthread_condattr_t attributes;

    self->settings = *settings;
    if (self->settings.retry_ms == 0)
        self->settings.retry_ms = KUBE_RECORDER_RETRY_MS;
    self->book = event_book_new();
    (void)pthread_mutex_init(&self->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&self->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    int r = pthread_create(&self->thread, NULL, run, self);
    assert(r == 0);
    return self;
}

/* True if EVENT was taken over. */
static bool put(KubeRecorder *self, cJSON *event)
{
    (void)pthread_mutex_lock(&self->lock);
    bool room = self->count < KUBE_RECORDER_QUEUE;
    if (room)
        self->queue[(self->first + self->count++) % KUBE_RECORDER_QUEUE] = event;
    (void)pthread_cond_signal(&self->wake);
    (void)pthread_mutex_unlock(&self->lock);
    return room;
}

void kube_recorder_tell(KubeRecorder *self, const KubeEvent *event)
{
    KubeEvent full = *event;
    uint64_t unique = (uint64_t)random_u32() << 32 | random_u32();
    char now[CLOCK_TEXT_SIZE];

    full.controller = self->settings.controller;
    full.instance = self->settings.instance;
    clock_rfc3339_micro(clock_wall_ms(), now);
    DEFER(defer_json) cJSON *object = kube_event_object(&full, now, unique);
    if (put(self, object))
        (void)TAKE(object);
    else
        metric_add(&told, 1, "dropped");
}

void kube_recorder_stop(KubeRecorder *self, int64_t budget_ms)
{
    if (self == NULL)
        return;
    (void)pthread_mutex_lock(&self->lock);
    self->deadline_ms = clock_ms() + budget_ms;
    (void)pthread_cond_signal(&self->wake);
    (void)pthread_mutex_unlock(&self->lock);
    (void)pthread_join(self->thread, NULL);
    event_book_free(self->book);
    (void)pthread_cond_destroy(&self->wake);
    (void)pthread_mutex_destroy(&self->lock);
    free(self);
}

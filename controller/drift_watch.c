#include "drift_watch.h"

#include <pthread.h>

#include "advisory.h"
#include "alloc.h"
#include "api_request.h"
#include "clock.h"
#include "log.h"
#include "memory.h"
#include "stop.h"
#include "sweep.h"

enum { TICK_MS = 100, PROBE_MS = 1000, SUBSCRIPTIONS = 3, SWEEPS_PER_FULL_LOOK = 20 };

/* One API audit covers every request, ours too, and names who asked; the other two tell of
 * deletions that nobody asked for. */
static const char *const subjects[SUBSCRIPTIONS] = {
    "$JS.EVENT.ADVISORY.API",
    "$JS.EVENT.ADVISORY.STREAM.DELETED.*",
    "$JS.EVENT.ADVISORY.CONSUMER.DELETED.*.*",
};

struct DriftWatch {
    DriftWatchSettings settings;
    natsConnection *handle; /* that the subscriptions are on */
    natsSubscription *subscriptions[SUBSCRIPTIONS];
    uint64_t swept_epoch; /* of the connection that the last sweep was on */
    int64_t probe_ms;     /* when JetStream is asked next whether it is there */
    bool silent;          /* it was not, the last time */
    pthread_t thread;
};

static void on_advisory(natsConnection *nc, natsSubscription *subscription, natsMsg *msg,
                        void *context)
{
    const DriftWatch *self = context;
    DEFER(defer_nats_msg) natsMsg *owned = msg;
    const Advisory advisory = {
        .subject = natsMsg_GetSubject(owned),
        .payload = natsMsg_GetData(owned),
        .length = (size_t)natsMsg_GetDataLength(owned),
    };
    char tenant[TENANT_ID_MAX + 1];

    (void)nc;
    (void)subscription;
    if (advisory_concerns(&advisory, self->settings.name, tenant))
        dispatcher_enqueue(self->settings.dispatcher, tenant, QUEUE_USER);
}

static void unsubscribe(DriftWatch *self)
{
    for (size_t i = 0; i < SUBSCRIPTIONS; i++) {
        natsSubscription_Destroy(self->subscriptions[i]);
        self->subscriptions[i] = NULL;
    }
}

static void subscribe(DriftWatch *self, natsConnection *handle)
{
    unsubscribe(self);
    self->handle = handle;
    for (size_t i = 0; i < SUBSCRIPTIONS; i++) {
        natsStatus status = natsConnection_Subscribe(&self->subscriptions[i], handle, subjects[i],
                                                     on_advisory, self);
        if (status != NATS_OK)
            log_warn("no advisories: drift is found by the sweep alone", KV("subject", subjects[i]),
                     KV("error", natsStatus_GetText(status)));
    }
}

/* A handle that nats.c gave up on took its subscriptions with it. Returns true if they had to be
 * made: what happened before is only seen by a look at everything. */
static bool subscribe_if_new(DriftWatch *self)
{
    natsConnection *handle = nats_handle(self->settings.nats);

    if (handle == self->handle || !nats_connected(self->settings.nats))
        return false;
    subscribe(self, handle);
    return true;
}

static void sweep_once(DriftWatch *self)
{
    const SweepListeners listeners = {
        .dispatcher = self->settings.dispatcher,
        .fleet = self->settings.fleet,
        .pulse = self->settings.pulse,
    };
    Error error;

    if (!nats_connected(self->settings.nats))
        return;
    self->swept_epoch = nats_epoch(self->settings.nats);
    if (sweep_run(self->settings.nats, &listeners, &error) < 0)
        log_warn("the sweep over all streams broke off", KV("error", error.text));
    memory_trim();
}

/* NATS was away: what became of the streams meanwhile is looked at before all that is probably as
 * it was. */
static bool is_back(const DriftWatch *self)
{
    return nats_connected(self->settings.nats) &&
           nats_epoch(self->settings.nats) != self->swept_epoch;
}

static bool answers(const DriftWatch *self)
{
    DEFER(defer_json) cJSON *reply = NULL;
    Error ignored;

    return api_request(self->settings.nats, NULL, &reply, &ignored, "INFO") == 0;
}

/* A cluster that lost its quorum keeps its connections, and says nothing when it has one again. So
 * it is asked, while there are passes that fail; true when it answers for the first time since. */
static bool answers_again(DriftWatch *self)
{
    const bool was_silent = self->silent;

    if (clock_ms() < self->probe_ms || !nats_connected(self->settings.nats) ||
        (!was_silent && !dispatcher_failing(self->settings.dispatcher)))
        return false;
    self->silent = !answers(self);
    self->probe_ms = clock_ms() + PROBE_MS;
    return was_silent && !self->silent;
}

static void *run(void *context)
{
    DriftWatch *self = context;
    int64_t next_ms = clock_ms() + self->settings.sweep_ms;
    uint64_t sweeps = 0;

    while (!stop_wait_ms(TICK_MS)) {
        pulse_beat(self->settings.pulse, clock_ms());
        if (subscribe_if_new(self) || answers_again(self))
            dispatcher_enqueue_all(self->settings.dispatcher);
        if (clock_ms() < next_ms && !is_back(self))
            continue;
        sweep_once(self);
        if (++sweeps % SWEEPS_PER_FULL_LOOK == 0)
            dispatcher_enqueue_all(self->settings.dispatcher);
        next_ms = clock_ms() + self->settings.sweep_ms;
    }
    unsubscribe(self);
    return NULL;
}

DriftWatch *drift_watch_start(const DriftWatchSettings *settings)
{
    DriftWatch *self = xcalloc(1, sizeof *self);

    self->settings = *settings;
    (void)subscribe_if_new(self);
    sweep_once(self);
    int r = pthread_create(&self->thread, NULL, run, self);
    assert(r == 0);
    return self;
}

void drift_watch_join(DriftWatch *self)
{
    (void)pthread_join(self->thread, NULL);
}

void drift_watch_free(DriftWatch *self)
{
    free(self);
}

#include "leader.h"

#include <pthread.h>
#include <stdatomic.h>

#include "alloc.h"
#include "clock.h"
#include "lease.h"
#include "log.h"
#include "metrics.h"
#include "stop.h"

enum { JITTER_PARTS = 5 };

static Metric master = {
    .name = "leader_election_master_status",
    .type = METRIC_GAUGE,
    .help = "1 if this process holds the lease, else 0.",
    .labels = {"name"},
};

static Metric slow_path = {
    .name = "leader_election_slowpath_total",
    .type = METRIC_COUNTER,
    .help = "Renewals that were refused because somebody else had changed the lease.",
    .labels = {"name"},
};

struct Leader {
    LeaderSettings settings;
    Lease *lease;
    pthread_t thread;
    _Atomic int64_t renewed_ms; /* when the last renewal that succeeded was sent; 0: not ours */
    atomic_bool lost;
};

void leader_register_metrics(void)
{
    metrics_register(&master);
    metrics_register(&slow_path);
}

bool leader_may_write(Leader *self)
{
    int64_t renewed_ms = atomic_load(&self->renewed_ms);

    return renewed_ms > 0 && lease_is_valid(renewed_ms, clock_ms());
}

const char *leader_alive(Leader *self)
{
    int64_t renewed_ms = atomic_load(&self->renewed_ms);

    return renewed_ms > 0 && lease_is_wedged(renewed_ms, clock_ms())
               ? "the lease is not renewed any more"
               : NULL;
}

static void lose(Leader *self, const char *why)
{
    log_error("the lease is lost; ending, so that nothing is written without it",
              KV("lease", self->settings.lease), KV("why", why));
    atomic_store(&self->lost, true);
    metric_set(&master, 0, self->settings.lease);
    stop_request();
}

static void note_held(Leader *self, int64_t sent_ms)
{
    bool first = atomic_exchange(&self->renewed_ms, sent_ms) == 0;

    if (!first)
        return;
    log_info("elected: this controller acts", KV("lease", self->settings.lease),
             KV("holder", self->settings.holder));
    metric_set(&master, 1, self->settings.lease);
    self->settings.on_elected(self->settings.context);
}

static void note_other(const Leader *self, char told[LEASE_HOLDER_SIZE])
{
    const char *holder = lease_holder(self->lease);

    if (text_eq(holder, told))
        return;
    (void)snprintf(told, LEASE_HOLDER_SIZE, "%s", holder);
    log_info("standing by", KV("lease", self->settings.lease), KV("holder", holder));
}

static void turn(Leader *self, char told[LEASE_HOLDER_SIZE])
{
    bool leading = atomic_load(&self->renewed_ms) > 0;
    bool held = false;
    int64_t sent_ms = 0;
    Error error;

    pulse_beat(self->settings.pulse, clock_ms());
    uint64_t before = lease_slow_paths(self->lease);
    int r = lease_try(self->lease, &held, &sent_ms, &error);
    metric_add(&slow_path, (double)(lease_slow_paths(self->lease) - before), self->settings.lease);
    if (stop_requested())
        return;
    if (r < 0)
        log_warn("cannot reach the lease", KV("error", error.text));
    if (held)
        note_held(self, sent_ms);
    else if (leading && r == 0)
        lose(self, "another controller holds it");
    else if (leading && !leader_may_write(self))
        lose(self, "it could not be renewed in time");
    else if (r == 0)
        note_other(self, told);
}

static void *run(void *context)
{
    Leader *self = context;
    char told[LEASE_HOLDER_SIZE] = "";

    metric_set(&master, 0, self->settings.lease);
    do
        turn(self, told);
    while (!stop_wait_ms(LEASE_RETRY_MS + random_u32() % (LEASE_RETRY_MS / JITTER_PARTS)));
    return NULL;
}

Leader *leader_start(const LeaderSettings *settings)
{
    Leader *self = xcalloc(1, sizeof *self);

    self->settings = *settings;
    self->lease = lease_new(&(LeaseSettings){.client = settings->client,
                                             .namespace = settings->namespace,
                                             .name = settings->lease,
                                             .holder = settings->holder,
                                             .stop_fd = stop_fd()});
    int r = pthread_create(&self->thread, NULL, run, self);
    assert(r == 0);
    return self;
}

void leader_join(Leader *self)
{
    if (self != NULL)
        (void)pthread_join(self->thread, NULL);
}

bool leader_finish(Leader *self)
{
    Error error;

    if (self == NULL)
        return true;
    bool lost = atomic_load(&self->lost);
    if (!lost && lease_release(self->lease, &error) < 0)
        log_warn("the lease could not be given back; the next controller waits until it expires",
                 KV("error", error.text));
    lease_free(self->lease);
    free(self);
    return !lost;
}

#include "fleet_watch.h"

#include <pthread.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "stop.h"
#include "system_request.h"

enum { TICK_MS = 100 };

static Metric counts_total = {
    .name = "bulkhead_server_counts_total",
    .type = METRIC_COUNTER,
    .help = "Questions to all NATS servers for the numbers of all tenants, by result.",
    .labels = {"result"},
};
static Metric reports_total = {
    .name = "bulkhead_relay_reports_total",
    .type = METRIC_COUNTER,
    .help = "Reports of relays, by result.",
    .labels = {"result"},
};

void fleet_watch_register_metrics(void)
{
    metrics_register(&counts_total);
    metrics_register(&reports_total);
}

struct FleetWatch {
    FleetWatchSettings settings;
    natsConnection *handle; /* that the subscription is on */
    natsSubscription *reports;
    char account[ACCOUNT_NAME_SIZE];
    uint64_t account_epoch; /* of the connection that it was read on; 0: not read yet */
    bool complained;        /* of servers that do not answer */
    pthread_t thread;
};

static void on_report(natsConnection *nc, natsSubscription *subscription, natsMsg *msg,
                      void *context)
{
    const FleetWatch *self = context;
    DEFER(defer_nats_msg) natsMsg *owned = msg;
    Error error;

    (void)nc;
    (void)subscription;
    if (fleet_report(self->settings.fleet, natsMsg_GetData(owned),
                     (size_t)natsMsg_GetDataLength(owned), &error) == 0) {
        metric_add(&reports_total, 1, "taken");
        return;
    }
    metric_add(&reports_total, 1, "refused");
    log_warn("a relay's report cannot be read", KV("subject", natsMsg_GetSubject(owned)),
             KV("error", error.text));
}

/* A handle that nats.c gave up on took its subscription with it. */
static void listen_if_new(FleetWatch *self)
{
    natsConnection *handle = nats_handle(self->settings.nats);

    if (handle == self->handle || !nats_connected(self->settings.nats))
        return;
    natsSubscription_Destroy(self->reports);
    self->reports = NULL;
    self->handle = handle;
    natsStatus status =
        natsConnection_Subscribe(&self->reports, handle, RELAY_REPORT_SUBJECT_ALL, on_report, self);
    if (status != NATS_OK)
        log_warn("the relays' reports are not heard", KV("error", natsStatus_GetText(status)));
}

static int account_read(FleetWatch *self, Error *reterr)
{
    uint64_t epoch = nats_epoch(self->settings.nats);

    if (self->account_epoch == epoch && epoch != 0)
        return 0;
    if (account_of(self->settings.nats, self->account, reterr) < 0)
        return -1;
    self->account_epoch = epoch;
    return 0;
}

/* One that cannot be used is one less: the others still count. */
static bool on_server(void *context, const char *text, size_t length)
{
    Counts *counts = context;
    Error error;

    if (counts_add_server(counts, text, length, &error) < 0)
        log_warn("a server is left out", KV("error", error.text));
    return counts_complete(counts);
}

static int count_streams(FleetWatch *self, Counts *counts, const ServerStore *server, Error *reterr)
{
    DEFER(defer_free) char *body = counts_request(self->account);
    DEFER(defer_nats_msg) natsMsg *answer = NULL;
    const ServerRequest request = {.what = "JSZ", .body = body};

    if (ask_server(self->settings.system, server->id, &request, &answer, reterr) < 0)
        return -1;
    return counts_add_streams(counts, natsMsg_GetData(answer),
                              (size_t)natsMsg_GetDataLength(answer), reterr);
}

/* One server after another, so that no two answers of megabytes are there at a time. */
static int count_all(FleetWatch *self, Counts *counts, Error *reterr)
{
    const ServerStore *servers = NULL;
    size_t server_count = counts_servers(counts, &servers);
    bool any = false;
    Error error;

    for (size_t i = 0; i < server_count && !stop_requested(); i++) {
        if (count_streams(self, counts, &servers[i], &error) == 0)
            any = true;
        else if (!self->complained)
            log_warn("a server's numbers are left out", KV("server", servers[i].name),
                     KV("error", error.text));
    }
    return any ? 0 : error_set(reterr, ERROR_BUSY, "no server tells its numbers");
}

static int count(FleetWatch *self, Error *reterr)
{
    DEFER(defer_counts) Counts *counts = counts_new();
    const ServerRequest request = {.what = "JSZ", .body = "{}"};
    const ServerListener listener = {.answered = on_server, .context = counts};

    if (account_read(self, reterr) < 0 ||
        ask_all_servers(self->settings.system, &request, &listener, reterr) < 0)
        return -1;
    if (count_all(self, counts, reterr) < 0)
        return -1;
    fleet_counted(self->settings.fleet, counts, self->settings.interval_ms);
    return 0;
}

/* Said once, until it works again: the lists of each tenant's pass do as well, and cost more. */
static void count_and_tell(FleetWatch *self)
{
    Error error;
    int r = count(self, &error);

    metric_add(&counts_total, 1, r == 0 ? "success" : "error");
    if (r < 0 && !self->complained)
        log_warn("the numbers of all tenants cannot be read at once; each is asked for",
                 KV("error", error.text));
    self->complained = r < 0;
    memory_trim(); /* the answers of a large fleet are many megabytes */
}

static void *run(void *context)
{
    FleetWatch *self = context;
    int64_t next_ms = clock_ms();

    do {
        pulse_beat(self->settings.pulse, clock_ms());
        listen_if_new(self);
        fleet_expire(self->settings.fleet);
        if (self->settings.system == NULL || clock_ms() < next_ms)
            continue;
        count_and_tell(self);
        next_ms = clock_ms() + self->settings.interval_ms;
    } while (!stop_wait_ms(TICK_MS));
    natsSubscription_Destroy(self->reports);
    return NULL;
}

FleetWatch *fleet_watch_start(const FleetWatchSettings *settings)
{
    FleetWatch *self = xcalloc(1, sizeof *self);

    self->settings = *settings;
    int r = pthread_create(&self->thread, NULL, run, self);
    assert(r == 0);
    return self;
}

void fleet_watch_join(FleetWatch *self)
{
    if (self != NULL)
        (void)pthread_join(self->thread, NULL);
}

void fleet_watch_free(FleetWatch *self)
{
    free(self);
}

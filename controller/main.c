/* Reads the settings, builds everything, hands functions in, and waits for the end. */
#include <stdatomic.h>

#include "clock.h"
#include "controller_settings.h"
#include "drift_watch.h"
#include "fleet_watch.h"
#include "health_server.h"
#include "kube_object.h"
#include "leader.h"
#include "log.h"
#include "memory.h"
#include "process.h"
#include "pulse.h"
#include "stop.h"
#include "tenant_metrics.h"
#include "watcher.h"
#include "worker.h"

enum { START_RETRY_MS = 1000, START_TRIES = 5 };

/* What a burst of work needed is kept for so long: connections to the API server, and memory. */
enum { QUIET_MS = 15000 };

/* For the Events that wait and the last counts, when all else has ended. */
enum { EVENTS_BUDGET_MS = 3000 };

/* For a request that is under way when a stop is requested, or the lease is lost. */
enum { REQUEST_END_MS = 5000 };

/* Every request has a time limit, so that only a defect takes this long. */
static const int64_t pass_ms_max = 600000;

/* The threads that go round in a loop. */
typedef enum Loop {
    LOOP_WATCH,
    LOOP_DRIFT,
    LOOP_FLEET,
    LOOP_LEASE,
} Loop;

static Pulse pulses[] = {
    [LOOP_WATCH] = {"the loop that watches the Tenants has not turned for a quarter of an hour"},
    [LOOP_DRIFT] = {"the loop that looks for drift has not turned for a quarter of an hour"},
    [LOOP_FLEET] = {"the loop that reads the fleet's numbers has not turned for a quarter of an "
                    "hour"},
    [LOOP_LEASE] = {"the loop that asks for the lease has not turned for a quarter of an hour"},
};

typedef struct Controller {
    const Process *process;
    const ControllerSettings *settings;
    char cluster[64];
    KubeClient *kube;
    NatsConnection *nats;
    NatsConnection *system; /* NULL: no access to the system account */
    KubeRecorder *recorder;
    Dispatcher *dispatcher;
    Fleet *fleet;
    Reconciler reconciler;
    DriftWatch *drift_watch;
    FleetWatch *fleet_watch;
    Leader *_Atomic leader;      /* NULL without leader election                       */
    WorkerPool *_Atomic workers; /* NULL while there are none; the health server asks */
    HealthServer *health;
} Controller;

static void on_nats(void *context, bool connected)
{
    Controller *self = context;

    if (connected)
        log_info("connected to NATS");
    else
        log_warn("lost the connection to NATS; reconnecting");
    if (connected)
        dispatcher_enqueue_all(self->dispatcher);
}

static void on_refused(void *context, const char *text)
{
    (void)context;
    log_warn("NATS refuses this user something that the controller needs", KV("error", text));
}

static void on_fleet(void *context, const char *tenant_id)
{
    Controller *self = context;

    if (tenant_id != NULL)
        dispatcher_enqueue(self->dispatcher, tenant_id, QUEUE_NUMBERS);
    else
        dispatcher_recount_all(self->dispatcher);
}

static void on_event_lost(void *context, const Error *error)
{
    (void)context;
    log_warn("an Event is lost", KV("error", error->text));
}

static void on_store(void *context, const cJSON *object)
{
    dispatcher_store(context, object);
}

static const char *alive(void *context)
{
    const Controller *self = context;
    const WorkerPool *workers = atomic_load(&self->workers);
    Leader *leader = atomic_load(&self->leader);
    const char *complaint = leader != NULL ? leader_alive(leader) : NULL;

    for (size_t i = 0; i < ARRAY_SIZE(pulses) && complaint == NULL; i++)
        complaint = pulse_complaint(&pulses[i], clock_ms());
    if (complaint != NULL)
        return complaint;
    return workers != NULL && workers_longest_ms(workers) > pass_ms_max
               ? "a pass over a Tenant has taken more than ten minutes"
               : NULL;
}

static void measure(void *context)
{
    const Controller *self = context;
    const WorkerPool *workers = atomic_load(&self->workers);

    if (workers != NULL)
        workers_measure(workers);
    tenant_metrics_choose();
}

/* Not on NATS: a controller that is not ready would block a rollout and heal nothing. */
static const char *ready(void *context)
{
    const Controller *self = context;

    return dispatcher_synced(self->dispatcher) ? NULL
                                               : "the Tenants are not listed yet: is the API "
                                                 "server reachable and the CRD installed?";
}

/* The cluster's identity: what tells our marks from those of another Kubernetes. An API server that
 * does not answer within seconds ends the program with the reason: whoever started it starts it
 * again, or corrects the address. */
static int cluster_read(Controller *self, Error *reterr)
{
    static const KubeResource namespaces = {
        .group = "", .version = "v1", .plural = "namespaces", .kind = "Namespace"};
    const KubeRef ref = {.resource = &namespaces, .name = "kube-system"};
    DEFER(defer_json) cJSON *object = NULL;

    for (int tries = 1; kube_get(self->kube, &ref, &object, reterr) < 0; tries++) {
        if (reterr->kind != ERROR_BUSY || tries == START_TRIES || stop_wait_ms(START_RETRY_MS))
            return error_wrap(reterr,
                              "is --kubeconfig right, and %s up? it has to tell us the "
                              "uid of the namespace kube-system",
                              kube_client_server(self->kube));
    }
    (void)snprintf(self->cluster, sizeof self->cluster, "%s",
                   json_text(object, "metadata.uid", ""));
    return 0;
}

/* The same servers and certificates, another user. */
static int connect_system(Controller *self, Error *reterr)
{
    NatsSettings settings = self->settings->nats;

    if (self->settings->system_creds == NULL && self->settings->system_url == NULL)
        return 0;
    settings.creds = self->settings->system_creds;
    settings.nkey = NULL;
    if (self->settings->system_url != NULL)
        settings.url = self->settings->system_url;
    if (nats_connect(&settings, self->process->name, NULL, &self->system, reterr) < 0)
        return error_wrap(reterr, "the system account, for which --system-creds is --nats-creds");
    return 0;
}

static int connect_all(Controller *self, Error *reterr)
{
    const NatsWatcher watcher = {.on_state = on_nats, .on_refused = on_refused, .context = self};
    KubeConfig *config = NULL;

    if (kube_config_load(self->settings->kubeconfig, NULL, &config, reterr) < 0 ||
        kube_client_new(config, controller_program.name, &self->kube, reterr) < 0)
        return -1;
    kube_client_end_with(self->kube, stop_fd(), REQUEST_END_MS);
    kube_client_limit(self->kube, self->settings->kube_qps, self->settings->kube_burst);
    self->dispatcher = dispatcher_new(kube_version_compare);
    self->fleet = fleet_new(on_fleet, self);
    if (nats_connect(&self->settings->nats, self->process->name, &watcher, &self->nats, reterr) < 0)
        return -1;
    return connect_system(self, reterr);
}

static bool may_write(void *context)
{
    Controller *self = context;
    Leader *leader = atomic_load(&self->leader);

    return leader == NULL || leader_may_write(leader);
}

static void reconciler_init(Controller *self)
{
    Reconciler *reconciler = &self->reconciler;

    reconciler->reporter = (Reporter){.kube = self->kube, .recorder = self->recorder};
    reconciler->nats = self->nats;
    reconciler->fleet = self->fleet;
    reconciler->cluster = self->cluster;
    reconciler->status_interval_ms = self->settings->status_interval_ms;
    reconciler->may_write = may_write;
    reconciler->may_write_context = self;
    reconciler->store = on_store;
    reconciler->store_context = self->dispatcher;
    capacity_init(&reconciler->capacity, self->nats, self->fleet);
    (void)pthread_mutex_init(&reconciler->lock, NULL);
}

static void on_elected(void *context)
{
    Controller *self = context;

    atomic_store(&self->workers, workers_start(self->dispatcher, &self->reconciler,
                                               (size_t)self->settings->workers));
}

static void start_acting(Controller *self)
{
    const ControllerSettings *settings = self->settings;

    if (!settings->leader_elect) {
        on_elected(self);
        return;
    }
    Leader *leader = leader_start(&(LeaderSettings){
        .client = self->kube,
        .namespace = settings->lease_namespace != NULL ? settings->lease_namespace
                                                       : kube_client_namespace(self->kube),
        .lease = settings->lease_name,
        .holder = self->process->name,
        .on_elected = on_elected,
        .context = self,
        .pulse = &pulses[LOOP_LEASE],
    });
    atomic_store(&self->leader, leader);
}

static void warn_of_nats(const NatsConnection *nats)
{
    char why[ERROR_TEXT_MAX];

    nats_last_complaint(nats, why);
    log_warn("not connected to NATS yet; trying on. Is --nats-url right?", KV("why", why));
}

static void quieten(Controller *self)
{
    kube_client_trim(self->kube, QUIET_MS);
    if (dispatcher_rests(self->dispatcher))
        memory_trim();
}

/* Everything runs until a stop is requested. Then no worker begins another pass, what feeds the
 * queue ends, the workers finish the passes they are in, and the lease goes when nothing can be
 * written any more. Events, which need no lease, are told last. */
static int run(Controller *self, Error *reterr)
{
    const DriftWatchSettings drift = {
        .nats = self->nats,
        .name = self->process->name,
        .dispatcher = self->dispatcher,
        .fleet = self->fleet,
        .sweep_ms = self->settings->resync_ms,
        .pulse = &pulses[LOOP_DRIFT],
    };
    const FleetWatchSettings fleet = {
        .nats = self->nats,
        .system = self->system,
        .fleet = self->fleet,
        .interval_ms = self->settings->status_interval_ms,
        .pulse = &pulses[LOOP_FLEET],
    };
    const WatcherSettings tenants = {
        .kube = self->kube,
        .selector = self->settings->selector,
        .dispatcher = self->dispatcher,
        .pulse = &pulses[LOOP_WATCH],
    };

    self->recorder = kube_recorder_start(&(KubeRecorderSettings){
        .client = self->kube,
        .controller = "bulkhead.dev/controller",
        .instance = self->process->host,
        .on_lost = on_event_lost,
    });
    reconciler_init(self);
    self->fleet_watch = fleet_watch_start(&fleet);
    self->drift_watch = drift_watch_start(&drift);
    Watcher *watcher = watcher_start(&tenants);
    start_acting(self);
    log_info("running", KV("version", BULKHEAD_VERSION),
             KV("server", kube_client_server(self->kube)), KV("instance", self->process->host),
             KV("cluster", self->cluster));
    if (!nats_connected(self->nats))
        warn_of_nats(self->nats);
    while (!stop_wait_ms(QUIET_MS))
        quieten(self);
    log_info("stopping");
    dispatcher_stop(self->dispatcher);
    drift_watch_join(self->drift_watch);
    fleet_watch_join(self->fleet_watch);
    watcher_join(watcher);
    leader_join(self->leader);              /* nobody starts workers from here on     */
    health_server_stop(TAKE(self->health)); /* it asks about the workers and the leader */
    workers_join(self->workers);
    bool kept = leader_finish(self->leader);
    kube_recorder_stop(self->recorder, EVENTS_BUDGET_MS);
    return kept ? 0 : error_set(reterr, ERROR_BUSY, "the lease was lost");
}

static void controller_done(Controller *self)
{
    health_server_stop(self->health);
    nats_disconnect(self->system);
    nats_disconnect(self->nats);
    drift_watch_free(self->drift_watch);
    fleet_watch_free(self->fleet_watch);
    capacity_done(&self->reconciler.capacity);
    fleet_free(self->fleet);
    dispatcher_free(self->dispatcher);
    kube_client_free(self->kube);
}

static int controller_run(Process *process, const char *command, Error *reterr)
{
    static Controller controller;
    Controller *self = &controller;
    const HealthChecks checks = {
        .alive = alive, .ready = ready, .measure = measure, .context = self};

    (void)command;
    self->process = process;
    self->settings = process->settings;
    memory_hold_little();
    kube_client_register_metrics();
    kube_recorder_register_metrics();
    dispatcher_register_metrics();
    leader_register_metrics();
    fleet_watch_register_metrics();
    tenant_metrics_register(self->settings->metrics_per_tenant);
    workers_register_metrics((size_t)self->settings->workers);
    int r = connect_all(self, reterr);
    if (r == 0)
        r = health_server_start(self->settings->listen, &checks, &self->health, reterr);
    if (r == 0)
        r = cluster_read(self, reterr);
    bool stopped = r < 0 && stop_requested();
    if (r == 0)
        r = run(self, reterr);
    controller_done(self);
    return stopped ? 0 : r;
}

int main(int argc, char **argv)
{
    static ControllerSettings settings;
    Process process = {
        .program = &controller_program,
        .settings = &settings,
        .log_level_offset = offsetof(ControllerSettings, log_level),
        .log_format_offset = offsetof(ControllerSettings, log_format),
    };

    return process_main(&process, argc, argv, controller_run);
}

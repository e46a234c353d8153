/* Reads the settings, builds everything, hands functions in, and waits for the end. */
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "controller_settings.h"
#include "drift_watch.h"
#include "health_server.h"
#include "kube_object.h"
#include "log.h"
#include "metrics.h"
#include "stop.h"
#include "tenant_metrics.h"
#include "watcher.h"
#include "worker.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, NAME_SIZE = 320, HOST_SIZE = 256, START_RETRY_MS = 1000 };

/* Every request has a time limit, so that only a defect takes this long. */
static const int64_t pass_ms_max = 600000;

typedef struct Controller {
    ControllerSettings settings;
    char instance[HOST_SIZE]; /* the pod's name */
    char name[NAME_SIZE];     /* of the NATS connection */
    char cluster[64];
    KubeClient *kube;
    NatsConnection *nats;
    Dispatcher *dispatcher;
    Reconciler reconciler;
    DriftWatch *drift_watch;
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

static void on_store(void *context, const cJSON *object)
{
    dispatcher_store(context, object);
}

static const char *alive(void *context)
{
    const Controller *self = context;
    const WorkerPool *workers = atomic_load(&self->workers);

    return workers != NULL && workers_longest_ms(workers) > pass_ms_max
               ? "a pass over a Tenant has taken more than ten minutes"
               : NULL;
}

/* Not on NATS: a controller that is not ready would block a rollout and heal nothing. */
static const char *ready(void *context)
{
    const Controller *self = context;

    return dispatcher_synced(self->dispatcher) ? NULL
                                               : "the Tenants are not listed yet: is the API "
                                                 "server reachable and the CRD installed?";
}

/* The cluster's identity: what tells our marks from those of another Kubernetes. Waits for the
 * API server as long as it takes. */
static int cluster_read(Controller *self, Error *reterr)
{
    static const KubeResource namespaces = {
        .group = "", .version = "v1", .plural = "namespaces", .kind = "Namespace"};
    const KubeRef ref = {.resource = &namespaces, .name = "kube-system"};
    DEFER(defer_json) cJSON *object = NULL;
    bool told = false;

    while (kube_get(self->kube, &ref, &object, reterr) < 0) {
        if (reterr->kind == ERROR_INVALID)
            return -1;
        if (!told)
            log_warn("waiting for the API server", KV("server", kube_client_server(self->kube)),
                     KV("error", reterr->text));
        told = true;
        if (stop_wait_ms(START_RETRY_MS))
            return error_set(reterr, ERROR_BUSY, "stopped while waiting for the API server");
    }
    (void)snprintf(self->cluster, sizeof self->cluster, "%s",
                   json_text(object, "metadata.uid", ""));
    return 0;
}

static int connect_all(Controller *self, Error *reterr)
{
    const NatsWatcher watcher = {.on_state = on_nats, .context = self};
    KubeConfig *config = NULL;

    if (kube_config_load(self->settings.kubeconfig, NULL, &config, reterr) < 0 ||
        kube_client_new(config, controller_program.name, &self->kube, reterr) < 0)
        return -1;
    self->dispatcher = dispatcher_new(kube_version_compare);
    return nats_connect(&self->settings.nats, self->name, &watcher, &self->nats, reterr);
}

static void reconciler_init(Controller *self)
{
    self->reconciler = (Reconciler){
        .reporter = {.kube = self->kube, .instance = self->instance},
        .nats = self->nats,
        .cluster = self->cluster,
        .status_interval_ms = self->settings.status_interval_ms,
        .store = on_store,
        .store_context = self->dispatcher,
    };
    (void)pthread_mutex_init(&self->reconciler.lock, NULL);
}

/* Everything runs until a stop is requested; then what feeds the queue ends first, the workers
 * finish the passes they are in, and nothing is written after that. */
static void run(Controller *self)
{
    const DriftWatchSettings drift = {
        .nats = self->nats,
        .name = self->name,
        .dispatcher = self->dispatcher,
        .sweep_ms = self->settings.resync_ms,
    };

    reconciler_init(self);
    self->drift_watch = drift_watch_start(&drift);
    WorkerPool *workers =
        workers_start(self->dispatcher, &self->reconciler, (size_t)self->settings.workers);
    atomic_store(&self->workers, workers);
    Watcher *watcher = watcher_start(self->kube, self->settings.selector, self->dispatcher);

    log_info("running", KV("version", BULKHEAD_VERSION),
             KV("server", kube_client_server(self->kube)), KV("instance", self->instance),
             KV("cluster", self->cluster));
    while (!stop_requested())
        (void)stop_wait_ms(INT32_MAX);
    log_info("stopping");
    drift_watch_join(self->drift_watch);
    watcher_join(watcher);
    dispatcher_stop(self->dispatcher);
    health_server_stop(TAKE(self->health)); /* it asks about the workers */
    workers_join(workers);
}

static void controller_done(Controller *self)
{
    health_server_stop(self->health);
    nats_disconnect(self->nats);
    drift_watch_free(self->drift_watch);
    dispatcher_free(self->dispatcher);
    kube_client_free(self->kube);
}

static int controller_main(Controller *self, Error *reterr)
{
    const HealthChecks checks = {.alive = alive, .ready = ready, .context = self};

    kube_client_register_metrics();
    dispatcher_register_metrics();
    tenant_metrics_register(text_eq(self->settings.metrics_per_tenant, "full"));
    workers_register_metrics((size_t)self->settings.workers);
    if (connect_all(self, reterr) < 0 ||
        health_server_start(self->settings.listen, &checks, &self->health, reterr) < 0 ||
        cluster_read(self, reterr) < 0)
        return -1;
    run(self);
    return 0;
}

static void names_init(Controller *self)
{
    if (gethostname(self->instance, sizeof self->instance - 1) != 0)
        (void)snprintf(self->instance, sizeof self->instance, "unknown");
    (void)snprintf(self->name, sizeof self->name, "%s %s %08x", controller_program.name,
                   self->instance, random_u32());
}

static void log_setup(const ControllerSettings *settings)
{
    LogLevel level = LOG_LEVEL_INFO;
    LogFormat format = LOG_FORMAT_JSON;

    (void)log_level_parse(settings->log_level, &level);
    (void)log_format_parse(settings->log_format, &format);
    log_init(controller_program.name, level, format);
}

int main(int argc, char **argv)
{
    static Controller controller;
    const char *command = NULL;
    Error error;

    json_init();
    switch (settings_load(&controller_program, argc, argv, &controller.settings, &command)) {
    case SETTINGS_SHOWN:
        return EXIT_SUCCESS;
    case SETTINGS_WRONG:
        return EXIT_USAGE;
    case SETTINGS_RUN:
        break;
    }
    log_setup(&controller.settings);
    (void)prctl(PR_SET_DUMPABLE, 0); /* credentials are in memory: no core dump, no ptrace */
    stop_init();
    names_init(&controller);
    int r = controller_main(&controller, &error);
    bool stopped = stop_requested();
    controller_done(&controller);
    if (r == 0 || stopped)
        return EXIT_SUCCESS;
    log_error("cannot run", KV("error", error.text));
    return error.kind == ERROR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

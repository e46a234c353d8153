/* Reads the settings, builds everything, hands it in, and waits for the end. */
#include <stdatomic.h>

#include "audit.h"
#include "endpoint.h"
#include "health_server.h"
#include "log.h"
#include "process.h"
#include "provisioner_settings.h"
#include "refresher.h"
#include "stop.h"
#include "visit_workers.h"

enum {
    START_RETRY_MS = 1000,
    DRAIN_MS = 5000,
    TRACE_GATHER_MS = 1000,
    TRACE_FLUSH_MS = 2000,
    SERVER_THREADS = 2,
    IDLE_MS = 30000,
};

typedef struct Main {
    const ProvisionerSettings *settings;
    const char *instance; /* the pod's name */
    EndpointConfig endpoint_config;
    atomic_bool open;
    Otlp *otlp;
    KubeClient *kube;
    SecretStore *secrets;
    Provisioner *provisioner;
    VisitQueue *queue;
    VisitWorkers *workers;
    Endpoint *endpoint;
    HttpServer *server;
    Refresher *refresher;
    HealthServer *health;
} Main;

static const char *alive(void *context)
{
    (void)context;
    return NULL;
}

static const char *ready(void *context)
{
    Main *self = context;

    if (stop_requested())
        return "stopping";
    return atomic_load(&self->open)
               ? NULL
               : "the templates are not checked yet: is the API server reachable, the CRD "
                 "installed, and may we create and patch tenants?";
}

static int required_check(const ProvisionerSettings *settings, Error *reterr)
{
    if (settings->secret_file == NULL)
        return error_set(reterr, ERROR_INVALID,
                         "--secret-file: want the files with the secrets that events are signed "
                         "with");
    if (settings->templates == NULL)
        return error_set(reterr, ERROR_INVALID,
                         "--templates: want the file with the Tenant's template of each plan");
    if ((settings->tls_cert == NULL) != (settings->tls_key == NULL))
        return error_set(reterr, ERROR_INVALID, "--tls-cert and --tls-key go together");
    return 0;
}

static int fields_check(const ProvisionerSettings *settings, Error *reterr)
{
    const struct {
        const char *flag;
        const char *fields;
    } all[] = {
        {"type-field", settings->type_field},
        {"time-field", settings->time_field},
        {"account-field", settings->account_field},
        {"plan-field", settings->plan_field},
    };

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (!event_fields_valid(all[i].fields))
            return error_set(reterr, ERROR_INVALID, "--%s: '%.100s' is not a list of paths",
                             all[i].flag, all[i].fields);
    }
    return 0;
}

static int rules_read(Main *self, Error *reterr)
{
    const ProvisionerSettings *settings = self->settings;
    EndpointConfig *config = &self->endpoint_config;

    if (required_check(settings, reterr) < 0 || fields_check(settings, reterr) < 0)
        return -1;
    if (networks_parse(settings->trusted_proxies, &config->proxies, reterr) < 0)
        return error_wrap(reterr, "--trusted-proxies");
    config->rules = (EventRules){
        .names =
            {
                [EVENT_CREATED] = settings->event_created,
                [EVENT_UPDATED] = settings->event_updated,
                [EVENT_SUSPENDED] = settings->event_suspended,
                [EVENT_RESUMED] = settings->event_resumed,
                [EVENT_DELETED] = settings->event_deleted,
            },
        .type_field = settings->type_field,
        .time_fields = settings->time_field,
        .account_fields = settings->account_field,
        .plan_fields = settings->plan_field,
        .tolerance_ms = settings->tolerance_ms,
        .max_age_ms = settings->event_max_age_ms,
    };
    if (event_names_check(&config->rules, reterr) < 0)
        return -1;
    (void)signature_form_parse(settings->signature, &config->rules.form); /* one of the choices */
    config->origins = settings->webhook_origins;
    config->open_status = text_eq(settings->status_auth, "none");
    config->refuse_unknown = text_eq(settings->on_unknown, "refuse");
    config->max_body = settings->max_body;
    config->max_wait_ms = settings->max_wait_ms;
    config->rate_per_second = settings->rate;
    config->rate_burst = settings->rate_burst;
    return 0;
}

static int kube_connect(Main *self, Error *reterr)
{
    KubeConfig *config = NULL;

    if (kube_config_load(self->settings->kubeconfig, NULL, &config, reterr) < 0)
        return -1;
    return kube_client_new(config, provisioner_program.name, &self->kube, reterr);
}

/* Waits for the API server as long as it takes; a wrong template ends the program. */
static int templates_load(Main *self, Error *reterr)
{
    bool changed = false;
    bool told = false;

    while (provisioner_load_templates(self->provisioner, &changed, reterr) < 0) {
        if (reterr->kind != ERROR_BUSY)
            return -1;
        if (!told)
            log_warn("waiting for the API server", KV("server", kube_client_server(self->kube)),
                     KV("error", reterr->text));
        told = true;
        if (stop_wait_ms(START_RETRY_MS))
            return error_set(reterr, ERROR_BUSY, "stopped while waiting for the API server");
    }
    return 0;
}

static void traces_told(const char *why)
{
    if (why != NULL)
        log_warn("traces cannot be sent", KV("error", why));
    else
        log_info("traces are sent again");
}

static int traces_start(Main *self, Error *reterr)
{
    const OtlpSettings settings = {
        .endpoint = otlp_endpoint(self->settings->otlp_endpoint),
        .source = {provisioner_program.name, BULKHEAD_VERSION, self->instance},
        .gather_ms = TRACE_GATHER_MS,
        .tell = traces_told,
    };

    return settings.endpoint != NULL ? otlp_start(&settings, &self->otlp, reterr) : 0;
}

static int prepare(Main *self, Error *reterr)
{
    const HealthChecks checks = {.alive = alive, .ready = ready, .context = self};
    bool changed = false;

    if (rules_read(self, reterr) < 0 || traces_start(self, reterr) < 0)
        return -1;
    self->secrets = secret_store_new(self->settings->secret_file, self->endpoint_config.rules.form);
    if (secret_store_refresh(self->secrets, &changed, reterr) < 0)
        return error_wrap(reterr, "--secret-file");
    if (kube_connect(self, reterr) < 0 ||
        health_server_start(self->settings->listen, &checks, &self->health, reterr) < 0)
        return -1;
    self->provisioner = provisioner_new(&(ProvisionerConfig){
        .kube = self->kube,
        .template_paths = self->settings->templates,
        .delete_tenants = text_eq(self->settings->on_deleted, "delete"),
        .remember_ms = max_i64(2 * self->settings->tolerance_ms, self->settings->event_max_age_ms),
    });
    return templates_load(self, reterr);
}

static int server_start(Main *self, Error *reterr)
{
    const ProvisionerSettings *settings = self->settings;
    const HttpSettings http = {
        .flag = "--webhook-listen",
        .listen = settings->webhook_listen,
        .connections = settings->connections,
        .connections_per_source = settings->connections_per_source,
        .body_bytes = settings->max_body,
        .request_ms = settings->request_timeout_ms,
        .idle_ms = IDLE_MS,
        .threads = SERVER_THREADS,
    };

    self->queue = visit_queue_new((size_t)settings->max_requests, (size_t)settings->max_waiting);
    self->endpoint_config.secrets = self->secrets;
    self->endpoint_config.queue = self->queue;
    self->endpoint_config.otlp = self->otlp;
    self->endpoint = endpoint_new(&self->endpoint_config);
    const HttpHandler handler = endpoint_handler(self->endpoint);
    if (http_server_new(&http, &handler, &self->server, reterr) < 0)
        return -1;
    self->workers =
        visit_workers_start(self->queue, self->provisioner, self->kube, (size_t)settings->workers);
    return refresher_start(
        &(RefresherConfig){
            .server = self->server,
            .secrets = self->secrets,
            .provisioner = self->provisioner,
            .queue = self->queue,
            .tls_cert = settings->tls_cert,
            .tls_key = settings->tls_key,
        },
        &self->refresher, reterr);
}

/* Whoever waits is answered, the door closes, and what is begun is finished. */
static void main_done(Main *self)
{
    stop_request();
    if (self->queue != NULL)
        visit_queue_release(self->queue);
    refresher_join(self->refresher);
    http_server_stop(self->server, DRAIN_MS);
    if (self->queue != NULL)
        visit_queue_stop(self->queue);
    visit_workers_join(self->workers);
    health_server_stop(self->health);
    visit_queue_free(self->queue);
    endpoint_free(self->endpoint);
    provisioner_free(self->provisioner);
    secret_store_free(self->secrets);
    kube_client_free(self->kube);
    otlp_stop(self->otlp, TRACE_FLUSH_MS);
}

static int provisioner_main(Main *self, Error *reterr)
{
    kube_client_register_metrics();
    audit_register_metrics();
    otlp_register_metrics();
    if (prepare(self, reterr) < 0 || server_start(self, reterr) < 0)
        return -1;
    atomic_store(&self->open, true);
    if (self->settings->tls_cert == NULL)
        log_warn(
            "the webhook speaks plain HTTP: let an ingress with a certificate stand before it");
    log_info("running", KV("version", BULKHEAD_VERSION),
             KV("server", kube_client_server(self->kube)),
             KV("signature", self->settings->signature),
             KV("port", (int64_t)http_server_port(self->server)));
    while (!stop_requested())
        (void)stop_wait_ms(INT32_MAX);
    log_info("stopping");
    return 0;
}

static int provisioner_run(Process *process, const char *command, Error *reterr)
{
    static Main self;

    (void)command;
    self.settings = process->settings;
    self.instance = process->host;
    int r = provisioner_main(&self, reterr);
    bool stopped = stop_requested();
    main_done(&self);
    return stopped ? 0 : r;
}

int main(int argc, char **argv)
{
    static ProvisionerSettings settings;
    Process process = {
        .program = &provisioner_program,
        .settings = &settings,
        .log_level_offset = offsetof(ProvisionerSettings, log_level),
        .log_format_offset = offsetof(ProvisionerSettings, log_format),
    };

    return process_main(&process, argc, argv, provisioner_run);
}

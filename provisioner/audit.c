#include "audit.h"

#include "log.h"
#include "metrics.h"

enum { FIELDS_MAX = 12 };

static const double buckets[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                 0.5,   1,      2.5,   5,    10,    30,   60};

static Metric requests = {
    .name = "bulkhead_provisioner_requests_total",
    .type = METRIC_COUNTER,
    .help = "Requests to the webhook, by outcome and status code; code 0: the client left first.",
    .labels = {"outcome", "code"},
};
static Metric durations = {
    .name = "bulkhead_provisioner_request_duration_seconds",
    .type = METRIC_HISTOGRAM,
    .help = "Time from a request's head to its answer; those that wait for a Tenant included.",
    .labels = {"outcome"},
    .buckets = buckets,
    .bucket_count = ARRAY_SIZE(buckets),
};
static Metric events = {
    .name = "bulkhead_provisioner_events_total",
    .type = METRIC_COUNTER,
    .help = "Events with a good signature, by kind and outcome.",
    .labels = {"kind", "outcome"},
};
static Metric reloads = {
    .name = "bulkhead_provisioner_reloads_total",
    .type = METRIC_COUNTER,
    .help = "Replaced files that were read again (result ok), or could not be used (error).",
    .labels = {"kind", "result"},
};
static Metric connections = {
    .name = "bulkhead_provisioner_connections",
    .type = METRIC_GAUGE,
    .help = "Open connections to the webhook.",
};
static Metric busy = {
    .name = "bulkhead_provisioner_requests_in_work",
    .type = METRIC_GAUGE,
    .help = "Requests that are worked on or wait for a worker.",
};
static Metric waiting = {
    .name = "bulkhead_provisioner_requests_waiting",
    .type = METRIC_GAUGE,
    .help = "Requests with ?wait= that wait for their Tenant.",
};

void audit_register_metrics(void)
{
    metrics_register(&requests);
    metrics_register(&durations);
    metrics_register(&events);
    metrics_register(&reloads);
    metrics_register(&connections);
    metrics_register(&busy);
    metrics_register(&waiting);
}

static void count(const Visit *visit, unsigned code, int64_t took_us)
{
    char digits[16];

    (void)snprintf(digits, sizeof digits, "%u", code);
    metric_add(&requests, 1, visit->outcome, digits);
    metric_observe(&durations, (double)took_us / 1e6, visit->outcome);
    if (visit->event.id[0] != '\0')
        metric_add(&events, 1, event_kind_name(visit->event.kind), visit->outcome);
}

static const char *route_name(VisitRoute route)
{
    static const char *const names[] = {
        [VISIT_OTHER] = "other",
        [VISIT_EVENT] = "event",
        [VISIT_STATUS] = "status",
        [VISIT_HANDSHAKE] = "handshake",
    };

    return names[route];
}

static void add_text(LogField *fields, size_t *count, const char *key, const char *text)
{
    if (*text != '\0')
        fields[(*count)++] = log_text_field(key, text);
}

/* Nothing of the body but what names the event and its account: no secret can be in the line. */
void audit_visit(const Visit *visit, unsigned code, int64_t now_us)
{
    LogField fields[FIELDS_MAX];
    size_t n = 0;
    const int64_t took_us = now_us - visit->began_us;

    count(visit, code, took_us);
    add_text(fields, &n, "request", visit->id);
    add_text(fields, &n, "source", visit->source);
    add_text(fields, &n, "route", route_name(visit->route));
    add_text(fields, &n, "outcome", visit->outcome);
    fields[n++] = log_int_field("code", code);
    add_text(fields, &n, "event", visit->event.id);
    add_text(fields, &n, "type", visit->event.type);
    add_text(fields, &n, "account", visit->event.account);
    add_text(fields, &n, "tenant", visit->tenant);
    add_text(fields, &n, "trace", visit->event.trace.trace);
    add_text(fields, &n, "note", visit->note);
    fields[n++] = log_int_field("took_us", took_us);
    assert(n <= FIELDS_MAX);
    log_write(code >= 500 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "request", fields, n);
}

void audit_reload(const char *kind, bool ok)
{
    metric_add(&reloads, 1, kind, ok ? "ok" : "error");
}

void audit_set_gauges(const AuditGauges *gauges)
{
    metric_set(&connections, (double)gauges->connections);
    metric_set(&busy, (double)gauges->busy);
    metric_set(&waiting, (double)gauges->waiting);
}

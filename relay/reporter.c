#include "reporter.h"

#include "alloc.h"
#include "log.h"
#include "relay_report.h"
#include "stop.h"

DEFINE_DEFER(RelayReportTenant *, defer_tenants, free)

struct Reporter {
    NatsConnection *connection;
    char instance[RELAY_INSTANCE_MAX + 1];
    char subject[RELAY_REPORT_SUBJECT_SIZE];
    char told[ERROR_TEXT_MAX]; /* the complaint that people know of */
};

int reporter_new(const ReporterSettings *settings, Reporter **ret_reporter, Error *reterr)
{
    NatsConnection *connection = NULL;

    if (nats_connect(&settings->nats, settings->name, NULL, &connection, reterr) < 0)
        return -1;
    Reporter *self = xcalloc(1, sizeof *self);
    self->connection = connection;
    (void)snprintf(self->instance, sizeof self->instance, "%.*s", RELAY_INSTANCE_MAX,
                   settings->instance);
    relay_report_subject(settings->instance, self->subject);
    *ret_reporter = self;
    return 0;
}

void reporter_free(Reporter *self)
{
    if (self == NULL)
        return;
    nats_disconnect(self->connection);
    free(self);
}

/* The workers say why NATS cannot be reached; that it refuses reports shows here alone. */
static void tell_refusal(Reporter *self)
{
    char complaint[ERROR_TEXT_MAX];

    nats_last_complaint(self->connection, complaint);
    if (complaint[0] != '\0' && !text_eq(complaint, self->told))
        log_warn("the controller may not hear how many rows wait: the relay's NATS user needs to "
                 "publish bulkhead.relay.report.*",
                 KV("error", complaint));
    memcpy(self->told, complaint, sizeof self->told);
}

/* The caller frees them. */
static RelayReportTenant *tenants_of(const Depths *depths)
{
    RelayReportTenant *tenants = xcalloc(depths->count, sizeof *tenants);

    for (size_t i = 0; i < depths->count; i++) {
        const Depth *depth = &depths->tenants[i];

        tenants[i] = (RelayReportTenant){
            .pending = depth->pending,
            .oldest_seconds = (int64_t)depth->oldest_seconds,
            .dead = depth->dead,
        };
        memcpy(tenants[i].id, depth->tenant, sizeof tenants[i].id);
    }
    return tenants;
}

/* False: the connection is gone. */
static bool publish(const Reporter *self, const RelayReport *report)
{
    DEFER(defer_free) char *text = relay_report_build(report);
    natsConnection *nc = nats_handle(self->connection);

    return nc != NULL &&
           natsConnection_Publish(nc, self->subject, text, (int)strlen(text)) == NATS_OK;
}

void reporter_send(Reporter *self, const Measure *measure, int64_t interval_ms)
{
    DEFER(defer_tenants) RelayReportTenant *tenants = tenants_of(&measure->depths);
    RelayReport report = {.interval_ms = interval_ms};
    size_t done = 0;
    bool sent = nats_connected(self->connection);

    (void)snprintf(report.instance, sizeof report.instance, "%s", self->instance);
    (void)snprintf(report.database, sizeof report.database, "%s", measure->database);
    (void)snprintf(report.at, sizeof report.at, "%s", measure->at);
    /* Whoever misses a message gets the next. */
    do {
        done = relay_report_slice(&report, tenants, measure->depths.count, done);
        sent = sent && publish(self, &report);
    } while (sent && done < measure->depths.count && !stop_requested());
    tell_refusal(self);
}

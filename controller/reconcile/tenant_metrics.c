#include "tenant_metrics.h"

#include "metrics.h"

#define TENANT   "tenant"
#define CONSUMER "consumer"

typedef struct Gauge {
    Metric metric;
    const char *path; /* in what the server reports */
} Gauge;

static Metric ready = {
    .name = "bulkhead_tenant_ready",
    .type = METRIC_GAUGE,
    .help = "1 if JetStream has what the spec says, else 0.",
    .labels = {TENANT},
};

static Gauge stream_gauges[] = {
    {{.name = "bulkhead_stream_messages",
      .type = METRIC_GAUGE,
      .help = "Events in the tenant's stream.",
      .labels = {TENANT}},
     "state.messages"},
    {{.name = "bulkhead_stream_bytes",
      .type = METRIC_GAUGE,
      .help = "Size of the tenant's stream.",
      .labels = {TENANT}},
     "state.bytes"},
    {{.name = "bulkhead_stream_last_sequence",
      .type = METRIC_GAUGE,
      .help = "Sequence of the last event in the tenant's stream.",
      .labels = {TENANT}},
     "state.last_seq"},
};

static Gauge consumer_gauges[] = {
    {{.name = "bulkhead_consumer_pending",
      .type = METRIC_GAUGE,
      .help = "Events that the consumer was not given yet.",
      .labels = {TENANT, CONSUMER}},
     "num_pending"},
    {{.name = "bulkhead_consumer_ack_pending",
      .type = METRIC_GAUGE,
      .help = "Events that the consumer was given and has not acknowledged.",
      .labels = {TENANT, CONSUMER}},
     "num_ack_pending"},
    {{.name = "bulkhead_consumer_redelivered",
      .type = METRIC_GAUGE,
      .help = "Events that the consumer was given more than once and has not acknowledged.",
      .labels = {TENANT, CONSUMER}},
     "num_redelivered"},
};

static bool enabled;

void tenant_metrics_register(bool full)
{
    enabled = full;
    metrics_register(&ready);
    for (size_t i = 0; i < ARRAY_SIZE(stream_gauges); i++)
        metrics_register(&stream_gauges[i].metric);
    for (size_t i = 0; i < ARRAY_SIZE(consumer_gauges); i++)
        metrics_register(&consumer_gauges[i].metric);
}

static void consumer_set(const char *tenant_id, const cJSON *info)
{
    const char *name = json_text(info, "name", "");

    for (size_t i = 0; i < ARRAY_SIZE(consumer_gauges); i++)
        metric_set(&consumer_gauges[i].metric, (double)json_int(info, consumer_gauges[i].path, 0),
                   tenant_id, name);
}

/* Of the consumers that the spec names: others come and go as they like. */
static void consumers_set(const Tenant *tenant, const Observed *observed)
{
    const cJSON *info = NULL;

    cJSON_ArrayForEach (info, observed->consumers) {
        if (tenant_declares_consumer(tenant, json_text(info, "name", "")))
            consumer_set(tenant->id, info);
    }
}

void tenant_metrics_ready(const char *tenant_id, Outcome outcome)
{
    if (enabled)
        metric_set(&ready, outcome == OUTCOME_READY || outcome == OUTCOME_SUSPENDED, tenant_id);
}

void tenant_metrics_count(const Tenant *tenant, const Observed *observed)
{
    if (!enabled)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(stream_gauges); i++)
        metric_set(&stream_gauges[i].metric,
                   (double)json_int(observed->stream, stream_gauges[i].path, 0), tenant->id);
    consumers_set(tenant, observed);
}

void tenant_metrics_forget(const char *tenant_id)
{
    metrics_forget(TENANT, tenant_id);
}

void tenant_metrics_forget_consumer(const char *tenant_id, const char *consumer)
{
    for (size_t i = 0; i < ARRAY_SIZE(consumer_gauges); i++)
        metric_remove(&consumer_gauges[i].metric, tenant_id, consumer);
}

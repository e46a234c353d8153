#include "tenant_metrics.h"

#include <math.h>
#include <pthread.h>

#include "alloc.h"
#include "map.h"
#include "metrics.h"
#include "units.h"

#define TENANT   "tenant"
#define CONSUMER "consumer"
#define TOP      "top:"

enum { READY, MESSAGES, BYTES, LAST_SEQUENCE, TENANT_NUMBERS };
enum { PENDING, ACK_PENDING, REDELIVERED, CONSUMER_NUMBERS };

/* Where the numbers stand in what the server reports. */
static const char *const stream_paths[TENANT_NUMBERS] = {
    [MESSAGES] = "state.messages",
    [BYTES] = "state.bytes",
    [LAST_SEQUENCE] = "state.last_seq",
};
static const char *const consumer_paths[CONSUMER_NUMBERS] = {
    [PENDING] = "num_pending",
    [ACK_PENDING] = "num_ack_pending",
    [REDELIVERED] = "num_redelivered",
};

static MetricCollect tenants_collect;
static MetricCollect consumers_collect;

#define TENANT_GAUGE(which, text)                                                                  \
    {                                                                                              \
        .name = (which), .type = METRIC_GAUGE, .help = (text), .labels = {TENANT},                 \
        .collect = tenants_collect                                                                 \
    }
#define CONSUMER_GAUGE(which, text)                                                                \
    {                                                                                              \
        .name = (which), .type = METRIC_GAUGE, .help = (text), .labels = {TENANT, CONSUMER},       \
        .collect = consumers_collect                                                               \
    }

static Metric tenant_gauges[TENANT_NUMBERS] = {
    [READY] =
        TENANT_GAUGE("bulkhead_tenant_ready", "1 if JetStream has what the spec says, else 0."),
    [MESSAGES] = TENANT_GAUGE("bulkhead_stream_messages", "Events in the tenant's stream."),
    [BYTES] = TENANT_GAUGE("bulkhead_stream_bytes", "Size of the tenant's stream."),
    [LAST_SEQUENCE] = TENANT_GAUGE("bulkhead_stream_last_sequence",
                                   "Sequence of the last event in the tenant's stream."),
};
static Metric consumer_gauges[CONSUMER_NUMBERS] = {
    [PENDING] =
        CONSUMER_GAUGE("bulkhead_consumer_pending", "Events that the consumer was not given yet."),
    [ACK_PENDING] = CONSUMER_GAUGE("bulkhead_consumer_ack_pending",
                                   "Events that the consumer was given and has not acknowledged."),
    [REDELIVERED] = CONSUMER_GAUGE(
        "bulkhead_consumer_redelivered",
        "Events that the consumer was given more than once and has not acknowledged."),
};

typedef struct ConsumerRecord {
    char *name;
    int64_t numbers[CONSUMER_NUMBERS];
} ConsumerRecord;

typedef struct Record {
    int64_t numbers[TENANT_NUMBERS]; /* -1: not known */
    ConsumerRecord *consumers;
    size_t consumer_count;
    bool shown;
} Record;

static size_t most; /* that are shown; fixed before there are threads */

/* Guards the records. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Map *records; /* Record, by tenant id */

static size_t most_of(const char *which)
{
    int64_t count = 0;
    Error bug;
    int r = 0;

    if (text_eq(which, "full"))
        return SIZE_MAX;
    if (text_starts(which, TOP))
        r = count_parse(which + strlen(TOP), 1, INT64_MAX, &count, &bug);
    assert(r == 0);
    return (size_t)count;
}

void tenant_metrics_register(const char *which)
{
    most = most_of(which);
    records = map_new();
    for (size_t i = 0; i < TENANT_NUMBERS; i++)
        metrics_register(&tenant_gauges[i]);
    for (size_t i = 0; i < CONSUMER_NUMBERS; i++)
        metrics_register(&consumer_gauges[i]);
}

static Record *record_of(const char *tenant_id)
{
    Record *record = map_get(records, tenant_id);

    if (record != NULL)
        return record;
    record = xcalloc(1, sizeof *record);
    for (size_t i = 0; i < TENANT_NUMBERS; i++)
        record->numbers[i] = -1;
    record->shown = most == SIZE_MAX;
    map_add(records, tenant_id, record);
    return record;
}

static void consumers_clear(Record *record)
{
    for (size_t i = 0; i < record->consumer_count; i++)
        free(record->consumers[i].name);
    free(record->consumers);
    record->consumers = NULL;
    record->consumer_count = 0;
}

static void consumer_add(Record *record, const cJSON *info)
{
    size_t size = (record->consumer_count + 1) * sizeof *record->consumers;

    record->consumers = xrealloc(record->consumers, size);
    ConsumerRecord *consumer = &record->consumers[record->consumer_count++];
    consumer->name = xstrdup(json_text(info, "name", ""));
    for (size_t i = 0; i < CONSUMER_NUMBERS; i++)
        consumer->numbers[i] = json_int(info, consumer_paths[i], 0);
}

/* Of the consumers that the spec names: others come and go as they like. */
static void consumers_set(Record *record, const Tenant *tenant, const Observed *observed)
{
    const cJSON *info = NULL;

    consumers_clear(record);
    cJSON_ArrayForEach (info, observed->consumers) {
        if (tenant_declares_consumer(tenant, json_text(info, "name", "")))
            consumer_add(record, info);
    }
}

void tenant_metrics_ready(const char *tenant_id, Outcome outcome)
{
    if (most == 0)
        return;
    (void)pthread_mutex_lock(&lock);
    record_of(tenant_id)->numbers[READY] =
        outcome == OUTCOME_READY || outcome == OUTCOME_SUSPENDED ? 1 : 0;
    (void)pthread_mutex_unlock(&lock);
}

void tenant_metrics_count(const Tenant *tenant, const Observed *observed)
{
    if (most == 0)
        return;
    (void)pthread_mutex_lock(&lock);
    Record *record = record_of(tenant->id);
    for (size_t i = MESSAGES; i < TENANT_NUMBERS; i++)
        record->numbers[i] =
            observed->stream != NULL ? json_int(observed->stream, stream_paths[i], 0) : -1;
    consumers_set(record, tenant, observed);
    (void)pthread_mutex_unlock(&lock);
}

void tenant_metrics_forget(const char *tenant_id)
{
    (void)pthread_mutex_lock(&lock);
    Record *record = map_remove(records, tenant_id);
    (void)pthread_mutex_unlock(&lock);
    if (record == NULL)
        return;
    consumers_clear(record);
    free(record);
}

typedef struct Rank {
    const char *tenant_id;
    double lag;
    Record *record;
} Rank;

static double lag_of(const Record *record)
{
    double lag = 0;

    for (size_t i = 0; i < record->consumer_count; i++) {
        const int64_t *numbers = record->consumers[i].numbers;

        lag = fmax(lag, (double)numbers[PENDING] + (double)numbers[ACK_PENDING]);
    }
    return lag;
}

static int rank_compare(const void *left, const void *right)
{
    const Rank *a = left;
    const Rank *b = right;

    if (a->lag < b->lag || a->lag > b->lag)
        return a->lag > b->lag ? -1 : 1;
    return strcmp(a->tenant_id, b->tenant_id);
}

static void choose(void)
{
    Rank *ranks = xcalloc(map_count(records), sizeof *ranks);
    size_t count = 0;

    for (MapEntry *at = NULL; (at = map_next(records, at)) != NULL;) {
        Record *record = map_value(at);

        ranks[count++] = (Rank){map_key(at), lag_of(record), record};
    }
    qsort(ranks, count, sizeof *ranks, rank_compare);
    for (size_t i = 0; i < count; i++)
        ranks[i].record->shown = i < most;
    free(ranks);
}

void tenant_metrics_choose(void)
{
    if (most == 0 || most == SIZE_MAX)
        return;
    (void)pthread_mutex_lock(&lock);
    choose();
    (void)pthread_mutex_unlock(&lock);
}

static void tenants_collect(const Metric *metric, Text *text)
{
    size_t which = (size_t)(metric - tenant_gauges);

    (void)pthread_mutex_lock(&lock);
    for (MapEntry *at = NULL; (at = map_next(records, at)) != NULL;) {
        const Record *record = map_value(at);

        if (record->shown && record->numbers[which] >= 0)
            metric_sample(metric, text, (double)record->numbers[which], map_key(at));
    }
    (void)pthread_mutex_unlock(&lock);
}

static void consumers_collect(const Metric *metric, Text *text)
{
    size_t which = (size_t)(metric - consumer_gauges);

    (void)pthread_mutex_lock(&lock);
    for (MapEntry *at = NULL; (at = map_next(records, at)) != NULL;) {
        const Record *record = map_value(at);

        for (size_t i = 0; record->shown && i < record->consumer_count; i++)
            metric_sample(metric, text, (double)record->consumers[i].numbers[which], map_key(at),
                          record->consumers[i].name);
    }
    (void)pthread_mutex_unlock(&lock);
}

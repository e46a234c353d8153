#include "metrics.h"

#include <pthread.h>

#include "alloc.h"
#include "map.h"

enum { KEY_MAX = 1024 };

/* The key of a series is its labels as they are rendered: a="x",b="y". */
typedef struct MetricSeries {
    double value;
    double sum;
    uint64_t *counts; /* histograms: one a bucket, and the last for +Inf; else NULL */
} MetricSeries;

/* Guards every series of every metric; the list itself is complete before there are threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Metric *first;
static Metric **end = &first;

static size_t label_count(const Metric *metric)
{
    size_t count = 0;

    while (metric->labels[count] != NULL)
        count++;
    return count;
}

void metrics_register(Metric *metric)
{
    for (const Metric *other = first; other != NULL; other = other->next)
        assert(!text_eq(other->name, metric->name));
    assert(metric->bucket_count <= METRIC_BUCKETS_MAX);
    assert(metric->collect == NULL || metric->type == METRIC_GAUGE);
    for (size_t i = 1; i < metric->bucket_count; i++)
        assert(metric->buckets[i - 1] < metric->buckets[i]);
    metric->next = NULL;
    *end = metric;
    end = &metric->next;
}

const Metric *metrics_first(void)
{
    return first;
}

/* a="x" in the escaping of the text format. */
static void label_add(Text *text, const char *name, const char *value)
{
    text_add(text, name);
    text_add(text, "=\"");
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            text_add(text, "\\");
        text_add_bytes(text, *c != '\n' ? c : "\\n", *c != '\n' ? 1 : 2);
    }
    text_add(text, "\"");
}

static void labels_add(Text *text, const Metric *metric, const char *const *labels, size_t count)
{
    assert(count == label_count(metric));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_add(text, ",");
        label_add(text, metric->labels[i], labels[i]);
    }
}

static MetricSeries *series_get(Metric *metric, const char *const *labels, size_t count)
{
    DEFER(text_done) Text key = TEXT_MAX(KEY_MAX);

    assert(metric->collect == NULL);
    labels_add(&key, metric, labels, count);
    assert(!key.full);
    if (metric->series == NULL)
        metric->series = map_new();
    MetricSeries *series = map_get(metric->series, text_get(&key));
    if (series != NULL)
        return series;

    series = xcalloc(1, sizeof *series);
    if (metric->type == METRIC_HISTOGRAM)
        series->counts = xcalloc(metric->bucket_count + 1, sizeof *series->counts);
    map_add(metric->series, text_get(&key), series);
    return series;
}

void metric_add_to(Metric *metric, double delta, const char *const *labels, size_t count)
{
    assert(metric->type == METRIC_GAUGE || (metric->type == METRIC_COUNTER && delta >= 0));
    (void)pthread_mutex_lock(&lock);
    series_get(metric, labels, count)->value += delta;
    (void)pthread_mutex_unlock(&lock);
}

void metric_set_to(Metric *metric, double value, const char *const *labels, size_t count)
{
    assert(metric->type == METRIC_GAUGE);
    (void)pthread_mutex_lock(&lock);
    series_get(metric, labels, count)->value = value;
    (void)pthread_mutex_unlock(&lock);
}

static size_t bucket_of(const Metric *metric, double value)
{
    size_t bucket = 0;

    assert(metric->type == METRIC_HISTOGRAM);
    while (bucket < metric->bucket_count && value > metric->buckets[bucket])
        bucket++;
    return bucket;
}

void metric_observe_to(Metric *metric, double value, const char *const *labels, size_t count)
{
    size_t bucket = bucket_of(metric, value);

    (void)pthread_mutex_lock(&lock);
    MetricSeries *series = series_get(metric, labels, count);
    series->counts[bucket]++;
    series->sum += value;
    (void)pthread_mutex_unlock(&lock);
}

void metric_tally(MetricTally *tally, const Metric *metric, double value)
{
    tally->counts[bucket_of(metric, value)]++;
    tally->count++;
    tally->sum += value;
}

void metric_observe_tally(Metric *metric, MetricTally *tally)
{
    if (tally->count == 0)
        return;
    (void)pthread_mutex_lock(&lock);
    MetricSeries *series = series_get(metric, NULL, 0);
    for (size_t i = 0; i <= metric->bucket_count; i++)
        series->counts[i] += tally->counts[i];
    series->sum += tally->sum;
    (void)pthread_mutex_unlock(&lock);
    *tally = (MetricTally){0};
}

/* LE is the histogram's own label, or NULL. */
static void labels_render(Text *text, const char *key, const char *le)
{
    if (*key == '\0' && le == NULL)
        return;
    text_addf(text, "{%s", key);
    if (le != NULL)
        text_addf(text, "%sle=\"%s\"", *key != '\0' ? "," : "", le);
    text_add(text, "}");
}

static void histogram_render(Text *text, const Metric *metric, const char *key,
                             const MetricSeries *series)
{
    uint64_t total = 0;

    for (size_t i = 0; i <= metric->bucket_count; i++) {
        char bound[32] = "+Inf";

        if (i < metric->bucket_count)
            (void)snprintf(bound, sizeof bound, "%.15g", metric->buckets[i]);
        total += series->counts[i];
        text_addf(text, "%s_bucket", metric->name);
        labels_render(text, key, bound);
        text_addf(text, " %" PRIu64 "\n", total);
    }
    text_addf(text, "%s_sum", metric->name);
    labels_render(text, key, NULL);
    text_addf(text, " %.17g\n%s_count", series->sum, metric->name);
    labels_render(text, key, NULL);
    text_addf(text, " %" PRIu64 "\n", total);
}

static void series_render(Text *text, const Metric *metric)
{
    if (metric->series == NULL)
        return;
    for (MapEntry *at = NULL; (at = map_next(metric->series, at)) != NULL;) {
        const MetricSeries *series = map_value(at);

        if (metric->type == METRIC_HISTOGRAM) {
            histogram_render(text, metric, map_key(at), series);
            continue;
        }
        text_add(text, metric->name);
        labels_render(text, map_key(at), NULL);
        text_addf(text, " %.17g\n", series->value);
    }
}

void metric_sample_to(const Metric *metric, Text *text, double value, const char *const *labels,
                      size_t count)
{
    text_add(text, metric->name);
    if (count > 0)
        text_add(text, "{");
    labels_add(text, metric, labels, count);
    text_addf(text, "%s %.17g\n", count > 0 ? "}" : "", value);
}

/* Who collects has a lock of its own, and is called without ours. */
static void metric_render(Text *text, const Metric *metric)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };

    text_addf(text, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
              types[metric->type]);
    if (metric->collect != NULL) {
        metric->collect(metric, text);
        return;
    }
    (void)pthread_mutex_lock(&lock);
    series_render(text, metric);
    (void)pthread_mutex_unlock(&lock);
}

void metrics_render(Text *text)
{
    for (const Metric *metric = first; metric != NULL; metric = metric->next)
        metric_render(text, metric);
}

/* Counters, gauges and histograms, in Prometheus' text format.
 *
 * A metric is a variable of the file that counts; main registers it, and
 * docs/metrics.md is made from what is registered. Label values are copied. */
#ifndef METRICS_H
#define METRICS_H

#include "base.h"
#include "text.h"

enum { METRIC_LABELS_MAX = 4, METRIC_BUCKETS_MAX = 64 };

typedef enum MetricType { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM } MetricType;

struct Metric;

/* Adds the samples that METRIC has at the moment, each by metric_sample(). */
typedef void MetricCollect(const struct Metric *metric, Text *text);

typedef struct Metric {
    const char *name;
    MetricType type;
    const char *help;
    const char *labels[METRIC_LABELS_MAX + 1]; /* NULL ends them */
    const double *buckets;                     /* histograms: upper bounds, rising */
    size_t bucket_count;
    MetricCollect *collect; /* gauges whose numbers stand elsewhere: called at each scrape */
    struct Map *series;     /* owned by metrics.c */
    struct Metric *next;
} Metric;

/* Asserts that the name is new. METRIC is borrowed for ever. */
void metrics_register(Metric *metric);
const Metric *metrics_first(void);

/* As many label values as the metric has labels: words of the code or checked names, as a series
 * is kept for each as long as the process lives. */
void metric_add_to(Metric *metric, double delta, const char *const *labels, size_t count);
void metric_set_to(Metric *metric, double value, const char *const *labels, size_t count);
void metric_observe_to(Metric *metric, double value, const char *const *labels, size_t count);

/* For a MetricCollect: one line of METRIC, with its labels escaped. */
void metric_sample_to(const Metric *metric, Text *text, double value, const char *const *labels,
                      size_t count);

#define METRIC_LABELS(...)                                                                         \
    ((const char *const[]){NULL, ##__VA_ARGS__} + 1),                                              \
        sizeof((const char *const[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1
#define metric_add(metric, delta, ...) metric_add_to((metric), (delta), METRIC_LABELS(__VA_ARGS__))
#define metric_set(metric, value, ...) metric_set_to((metric), (value), METRIC_LABELS(__VA_ARGS__))
#define metric_observe(metric, value, ...)                                                         \
    metric_observe_to((metric), (value), METRIC_LABELS(__VA_ARGS__))
#define metric_sample(metric, text, value, ...)                                                    \
    metric_sample_to((metric), (text), (value), METRIC_LABELS(__VA_ARGS__))

/* Observations that are collected without a lock, by one thread, and handed over together. */
typedef struct MetricTally {
    uint64_t counts[METRIC_BUCKETS_MAX + 1];
    uint64_t count;
    double sum;
} MetricTally;

void metric_tally(MetricTally *tally, const Metric *metric, double value);

/* Adds TALLY to METRIC, a histogram without labels, and begins it anew. */
void metric_observe_tally(Metric *metric, MetricTally *tally);

void metrics_render(Text *text);

#endif

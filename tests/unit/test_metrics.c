#include <pthread.h>
#include <signal.h>

#include "child.h"
#include "metrics.h"
#include "unit.h"

/* A metric lives as long as the process, so that each test has metrics of its own, named alike. */
#define METRIC(metric, kind, ...)                                                                  \
    static Metric metric = {                                                                       \
        .name = #metric, .type = METRIC_##kind, .help = "Something.", __VA_ARGS__};                \
    metrics_register(&metric)

/* The samples of METRIC, without HELP and TYPE; the caller frees it. */
static char *samples_of(const Metric *metric)
{
    DEFER(text_done) Text all = TEXT_MAX(1 << 20);
    DEFER(text_done) Text samples = TEXT_MAX(1 << 20);

    metrics_render(&all);
    for (const char *line = text_get(&all); *line != '\0';) {
        size_t length = strcspn(line, "\n") + 1;

        if (text_starts(line, metric->name))
            text_add_bytes(&samples, line, length);
        line += length;
    }
    return text_take(&samples);
}

static void samples_are(const Metric *metric, const char *want)
{
    DEFER(defer_free) char *samples = samples_of(metric);

    assert_string_equal(samples, want);
}

static int describe(void *context)
{
    DEFER(text_done) Text text = TEXT_MAX(4096);

    (void)context;
    METRIC(described_total, COUNTER, .labels = {"tenant"});
    METRIC(described, GAUGE, .labels = {"tenant"});
    METRIC(described_seconds, HISTOGRAM, );
    metric_set(&described, 1, "a");
    metrics_render(&text);
    (void)fputs(text_get(&text), stdout);
    return metrics_first() == &described_total ? 0 : 1;
}

TEST(metrics_are_described_in_the_order_of_their_registration)
{
    const Child *child = child_run(describe, NULL);

    assert_string_equal(text_get(&child->out),
                        "# HELP described_total Something.\n# TYPE described_total counter\n"
                        "# HELP described Something.\n# TYPE described gauge\n"
                        "described{tenant=\"a\"} 1\n"
                        "# HELP described_seconds Something.\n"
                        "# TYPE described_seconds histogram\n");
    assert_int_equal(child->status, 0);
}

TEST(counters_add_up_by_their_labels)
{
    METRIC(plain_total, COUNTER, );
    METRIC(labelled_total, COUNTER, .labels = {"tenant", "result"});
    metric_add(&plain_total, 1);
    metric_add(&plain_total, 2.5);
    metric_add(&labelled_total, 1, "a", "ok");
    metric_add(&labelled_total, 1, "b", "ok");
    metric_add(&labelled_total, 2, "a", "ok");
    metric_add(&labelled_total, 0, "a", "bad");
    samples_are(&plain_total, "plain_total 3.5\n");
    samples_are(&labelled_total, "labelled_total{tenant=\"a\",result=\"ok\"} 3\n"
                                 "labelled_total{tenant=\"b\",result=\"ok\"} 1\n"
                                 "labelled_total{tenant=\"a\",result=\"bad\"} 0\n");
}

TEST(gauges_go_up_and_down)
{
    METRIC(level, GAUGE, .labels = {"tenant"});
    metric_set(&level, 7, "a");
    metric_add(&level, -2, "a");
    samples_are(&level, "level{tenant=\"a\"} 5\n");
}

TEST(whole_numbers_keep_every_digit)
{
    METRIC(whole, GAUGE, .labels = {"tenant"});
    metric_set(&whole, 9007199254740991.0, "a");
    metric_set(&whole, -123456789012.0, "b");
    samples_are(&whole, "whole{tenant=\"a\"} 9007199254740991\n"
                        "whole{tenant=\"b\"} -123456789012\n");
}

TEST(label_values_are_escaped)
{
    METRIC(escaped, GAUGE, .labels = {"tenant"});
    metric_set(&escaped, 1, "a\"b");
    metric_set(&escaped, 2, "\\");
    metric_set(&escaped, 3, "x\ny");
    metric_set(&escaped, 4, "");
    samples_are(&escaped, "escaped{tenant=\"a\\\"b\"} 1\nescaped{tenant=\"\\\\\"} 2\n"
                          "escaped{tenant=\"x\\ny\"} 3\nescaped{tenant=\"\"} 4\n");
}

TEST(buckets_are_cumulative_and_a_bound_belongs_to_its_bucket)
{
    static const double bounds[] = {0.005, 0.25, 1, 1048576};
    static const double values[] = {0.005, 0.0051, 0.1, 1, 2, 1e9};

    METRIC(seconds, HISTOGRAM, .labels = {"tenant"}, .buckets = bounds, .bucket_count = 4);
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        metric_observe(&seconds, values[i], "a");
    samples_are(&seconds, "seconds_bucket{tenant=\"a\",le=\"0.005\"} 1\n"
                          "seconds_bucket{tenant=\"a\",le=\"0.25\"} 3\n"
                          "seconds_bucket{tenant=\"a\",le=\"1\"} 4\n"
                          "seconds_bucket{tenant=\"a\",le=\"1048576\"} 5\n"
                          "seconds_bucket{tenant=\"a\",le=\"+Inf\"} 6\n"
                          "seconds_sum{tenant=\"a\"} 1000000003.1101\n"
                          "seconds_count{tenant=\"a\"} 6\n");
}

TEST(a_histogram_needs_no_labels)
{
    static const double bounds[] = {0.005};

    METRIC(bare_seconds, HISTOGRAM, .buckets = bounds, .bucket_count = 1);
    metric_observe(&bare_seconds, 0.5);
    samples_are(&bare_seconds, "bare_seconds_bucket{le=\"0.005\"} 0\n"
                               "bare_seconds_bucket{le=\"+Inf\"} 1\n"
                               "bare_seconds_sum 0.5\nbare_seconds_count 1\n");
}

TEST(observations_can_be_handed_over_together)
{
    static const double bounds[] = {0.005};
    MetricTally tally = {0};

    METRIC(tallied_seconds, HISTOGRAM, .buckets = bounds, .bucket_count = 1);
    metric_observe_tally(&tallied_seconds, &tally); /* nothing yet */
    samples_are(&tallied_seconds, "");
    metric_tally(&tally, &tallied_seconds, 0.005);
    metric_tally(&tally, &tallied_seconds, 0.5);
    metric_observe(&tallied_seconds, 0.25);
    metric_observe_tally(&tallied_seconds, &tally);
    metric_observe_tally(&tallied_seconds, &tally); /* it was emptied */
    samples_are(&tallied_seconds, "tallied_seconds_bucket{le=\"0.005\"} 1\n"
                                  "tallied_seconds_bucket{le=\"+Inf\"} 3\n"
                                  "tallied_seconds_sum 0.755\ntallied_seconds_count 3\n");
}

static double elsewhere;

static void collect(const Metric *metric, Text *text)
{
    metric_sample(metric, text, elsewhere, "a\"b", "\\");
    metric_sample(metric, text, -0.5, "x\ny", "");
}

TEST(a_collector_is_asked_at_each_scrape)
{
    METRIC(collected, GAUGE, .labels = {"tenant", "consumer"}, .collect = collect);
    elsewhere = 1;
    samples_are(&collected, "collected{tenant=\"a\\\"b\",consumer=\"\\\\\"} 1\n"
                            "collected{tenant=\"x\\ny\",consumer=\"\"} -0.5\n");
    elsewhere = 9007199254740991;
    samples_are(&collected, "collected{tenant=\"a\\\"b\",consumer=\"\\\\\"} 9007199254740991\n"
                            "collected{tenant=\"x\\ny\",consumer=\"\"} -0.5\n");
}

static void collect_bare(const Metric *metric, Text *text)
{
    metric_sample(metric, text, 3);
}

TEST(a_collected_sample_needs_no_labels)
{
    METRIC(unlabelled, GAUGE, .collect = collect_bare);
    samples_are(&unlabelled, "unlabelled 3\n");
}

/* Many threads count while one reads: nothing is lost, and TSan finds no race. */

enum { THREADS = 4, ROUNDS = 2000 };

static Metric shared_total = {.name = "shared_total", .type = METRIC_COUNTER, .help = "Both."};
static Metric shared_by_total = {
    .name = "shared_by_total", .type = METRIC_COUNTER, .help = "Each.", .labels = {"tenant"}};
static Metric shared_seconds = {
    .name = "shared_seconds", .type = METRIC_HISTOGRAM, .help = "Each.", .labels = {"tenant"}};

static void *count(void *context)
{
    (void)context;
    for (int i = 0; i < ROUNDS; i++) {
        metric_add(&shared_total, 1);
        metric_add(&shared_by_total, 1, i % 2 == 0 ? "a" : "b");
        metric_observe(&shared_seconds, i, "c");
    }
    return NULL;
}

static void *disturb(void *context)
{
    (void)context;
    for (int i = 0; i < ROUNDS / 20; i++) {
        DEFER(text_done) Text text = TEXT_MAX(1 << 20);

        metrics_render(&text);
    }
    return NULL;
}

TEST(threads_lose_no_count)
{
    pthread_t threads[THREADS + 1];

    metrics_register(&shared_total);
    metrics_register(&shared_by_total);
    metrics_register(&shared_seconds);
    for (int i = 0; i <= THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < THREADS ? count : disturb, NULL), 0);
    for (int i = 0; i <= THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    samples_are(&shared_total, "shared_total 8000\n");
    DEFER(defer_free) char *samples = samples_of(&shared_by_total);
    assert_non_null(strstr(samples, "shared_by_total{tenant=\"a\"} 4000\n"));
    assert_non_null(strstr(samples, "shared_by_total{tenant=\"b\"} 4000\n"));
    DEFER(defer_free) char *seconds = samples_of(&shared_seconds);
    assert_non_null(strstr(seconds, "shared_seconds_count{tenant=\"c\"} 8000\n"));
}

static int register_twice(void *context)
{
    static Metric same = {.name = "twice", .type = METRIC_COUNTER, .help = "The same name."};

    (void)context;
    METRIC(twice, GAUGE, );
    metrics_register(&same);
    return 0;
}

static int count_down(void *context)
{
    (void)context;
    METRIC(down_total, COUNTER, );
    metric_add(&down_total, -1);
    return 0;
}

static int forget_a_label(void *context)
{
    (void)context;
    METRIC(short_total, COUNTER, .labels = {"tenant", "result"});
    metric_add(&short_total, 1, "a");
    return 0;
}

static int set_what_is_collected(void *context)
{
    (void)context;
    METRIC(set, GAUGE, .collect = collect_bare);
    metric_set(&set, 1);
    return 0;
}

static int fall(void *context)
{
    static const double bounds[] = {2, 1};

    (void)context;
    METRIC(falling, HISTOGRAM, .buckets = bounds, .bucket_count = 2);
    return 0;
}

TEST(mistakes_of_the_program_end_it)
{
    static int (*const mistakes[])(void *) = {register_twice, count_down, forget_a_label,
                                              set_what_is_collected, fall};

    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
        const Child *child = child_run(mistakes[i], NULL);

        assert_int_equal(child->status, -SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_described_in_the_order_of_their_registration),
        cmocka_unit_test(counters_add_up_by_their_labels),
        cmocka_unit_test(gauges_go_up_and_down),
        cmocka_unit_test(whole_numbers_keep_every_digit),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(buckets_are_cumulative_and_a_bound_belongs_to_its_bucket),
        cmocka_unit_test(a_histogram_needs_no_labels),
        cmocka_unit_test(observations_can_be_handed_over_together),
        cmocka_unit_test(a_collector_is_asked_at_each_scrape),
        cmocka_unit_test(a_collected_sample_needs_no_labels),
        cmocka_unit_test(threads_lose_no_count),
        cmocka_unit_test(mistakes_of_the_program_end_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <pthread.h>
#include <signal.h>

#include "child.h"
#include "metrics.h"
#include "unit.h"

static const double buckets[] = {0.005, 0.25, 1, 1048576};

static Metric plain = {.name = "test_plain_total", .type = METRIC_COUNTER, .help = "No labels."};
static Metric labelled = {
    .name = "test_labelled_total",
    .type = METRIC_COUNTER,
    .help = "Two labels.",
    .labels = {"tenant", "result"},
};
static Metric gauge = {
    .name = "test_gauge",
    .type = METRIC_GAUGE,
    .help = "One label.",
    .labels = {"tenant"},
};
static Metric other = {
    .name = "test_other",
    .type = METRIC_GAUGE,
    .help = "A label whose name ends like another's.",
    .labels = {"subtenant"},
};
static Metric times = {
    .name = "test_seconds",
    .type = METRIC_HISTOGRAM,
    .help = "A histogram.",
    .labels = {"tenant"},
    .buckets = buckets,
    .bucket_count = ARRAY_SIZE(buckets),
};
static Metric bare_times = {
    .name = "test_bare_seconds",
    .type = METRIC_HISTOGRAM,
    .help = "A histogram without labels.",
    .buckets = buckets,
    .bucket_count = 1,
};

static int register_all(void **state)
{
    (void)state;
    metrics_register(&plain);
    metrics_register(&labelled);
    metrics_register(&gauge);
    metrics_register(&other);
    metrics_register(&times);
    metrics_register(&bare_times);
    return 0;
}

/* Metrics live as long as the process, so that each test removes what it made. */
static int remove_all(void **state)
{
    static const char *const tenants[] = {"a", "b", "c", "a\"b", "\\", "x\ny", "", ",tenant=\"a\""};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(tenants); i++) {
        metrics_forget("tenant", tenants[i]);
        metrics_forget("subtenant", tenants[i]);
    }
    metric_remove(&plain);
    metric_remove(&bare_times);
    return 0;
}

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

TEST(metrics_are_described_in_the_order_of_their_registration)
{
    DEFER(text_done) Text text = TEXT_MAX(4096);

    metric_set(&gauge, 1, "a");
    metrics_render(&text);
    assert_string_equal(text_get(&text),
                        "# HELP test_plain_total No labels.\n# TYPE test_plain_total counter\n"
                        "# HELP test_labelled_total Two labels.\n"
                        "# TYPE test_labelled_total counter\n"
                        "# HELP test_gauge One label.\n# TYPE test_gauge gauge\n"
                        "test_gauge{tenant=\"a\"} 1\n"
                        "# HELP test_other A label whose name ends like another's.\n"
                        "# TYPE test_other gauge\n"
                        "# HELP test_seconds A histogram.\n# TYPE test_seconds histogram\n"
                        "# HELP test_bare_seconds A histogram without labels.\n"
                        "# TYPE test_bare_seconds histogram\n");
    assert_ptr_equal(metrics_first(), &plain);
}

TEST(counters_add_up_by_their_labels)
{
    metric_add(&plain, 1);
    metric_add(&plain, 2.5);
    metric_add(&labelled, 1, "a", "ok");
    metric_add(&labelled, 1, "b", "ok");
    metric_add(&labelled, 2, "a", "ok");
    metric_add(&labelled, 0, "a", "bad");
    samples_are(&plain, "test_plain_total 3.5\n");
    samples_are(&labelled, "test_labelled_total{tenant=\"a\",result=\"ok\"} 3\n"
                           "test_labelled_total{tenant=\"b\",result=\"ok\"} 1\n"
                           "test_labelled_total{tenant=\"a\",result=\"bad\"} 0\n");
}

TEST(gauges_go_up_and_down)
{
    metric_set(&gauge, 7, "a");
    metric_add(&gauge, -2, "a");
    samples_are(&gauge, "test_gauge{tenant=\"a\"} 5\n");
}

TEST(whole_numbers_keep_every_digit)
{
    metric_set(&gauge, 9007199254740991.0, "a");
    metric_set(&gauge, -123456789012.0, "b");
    samples_are(&gauge, "test_gauge{tenant=\"a\"} 9007199254740991\n"
                        "test_gauge{tenant=\"b\"} -123456789012\n");
}

TEST(label_values_are_escaped)
{
    metric_set(&gauge, 1, "a\"b");
    metric_set(&gauge, 2, "\\");
    metric_set(&gauge, 3, "x\ny");
    metric_set(&gauge, 4, "");
    samples_are(&gauge, "test_gauge{tenant=\"a\\\"b\"} 1\ntest_gauge{tenant=\"\\\\\"} 2\n"
                        "test_gauge{tenant=\"x\\ny\"} 3\ntest_gauge{tenant=\"\"} 4\n");
}

TEST(buckets_are_cumulative_and_a_bound_belongs_to_its_bucket)
{
    static const double values[] = {0.005, 0.0051, 0.1, 1, 2, 1e9};

    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        metric_observe(&times, values[i], "a");
    samples_are(&times, "test_seconds_bucket{tenant=\"a\",le=\"0.005\"} 1\n"
                        "test_seconds_bucket{tenant=\"a\",le=\"0.25\"} 3\n"
                        "test_seconds_bucket{tenant=\"a\",le=\"1\"} 4\n"
                        "test_seconds_bucket{tenant=\"a\",le=\"1048576\"} 5\n"
                        "test_seconds_bucket{tenant=\"a\",le=\"+Inf\"} 6\n"
                        "test_seconds_sum{tenant=\"a\"} 1000000003.1101\n"
                        "test_seconds_count{tenant=\"a\"} 6\n");
}

TEST(a_histogram_needs_no_labels)
{
    metric_observe(&bare_times, 0.5);
    samples_are(&bare_times, "test_bare_seconds_bucket{le=\"0.005\"} 0\n"
                             "test_bare_seconds_bucket{le=\"+Inf\"} 1\n"
                             "test_bare_seconds_sum 0.5\ntest_bare_seconds_count 1\n");
}

TEST(observations_can_be_handed_over_together)
{
    MetricTally tally = {0};

    metric_observe_tally(&bare_times, &tally); /* nothing yet */
    samples_are(&bare_times, "");
    metric_tally(&tally, &bare_times, 0.005);
    metric_tally(&tally, &bare_times, 0.5);
    metric_observe(&bare_times, 0.25);
    metric_observe_tally(&bare_times, &tally);
    metric_observe_tally(&bare_times, &tally); /* it was emptied */
    samples_are(&bare_times, "test_bare_seconds_bucket{le=\"0.005\"} 1\n"
                             "test_bare_seconds_bucket{le=\"+Inf\"} 3\n"
                             "test_bare_seconds_sum 0.755\ntest_bare_seconds_count 3\n");
}

TEST(forgetting_a_tenant_drops_its_series_of_every_metric)
{
    metric_add(&labelled, 1, "a", "ok");
    metric_add(&labelled, 1, "a", "bad");
    metric_add(&labelled, 1, "b", "a");
    metric_set(&gauge, 1, "a");
    metric_set(&gauge, 2, "b");
    metric_set(&other, 3, "a");
    metric_observe(&times, 1, "a");
    metrics_forget("tenant", "a");
    samples_are(&labelled, "test_labelled_total{tenant=\"b\",result=\"a\"} 1\n");
    samples_are(&gauge, "test_gauge{tenant=\"b\"} 2\n");
    samples_are(&other, "test_other{subtenant=\"a\"} 3\n");
    samples_are(&times, "");
}

TEST(a_value_that_looks_like_a_label_is_none)
{
    metric_add(&labelled, 1, "b", ",tenant=\"a\"");
    metric_add(&labelled, 1, ",tenant=\"a\"", "ok");
    metrics_forget("tenant", "a");
    DEFER(defer_free) char *samples = samples_of(&labelled);
    assert_non_null(strstr(samples, "tenant=\"b\""));
    assert_non_null(strstr(samples, "result=\"ok\""));
}

TEST(a_forgotten_tenant_starts_again_from_zero)
{
    metric_add(&labelled, 5, "a", "ok");
    metrics_forget("tenant", "a");
    metric_add(&labelled, 1, "a", "ok");
    samples_are(&labelled, "test_labelled_total{tenant=\"a\",result=\"ok\"} 1\n");
}

TEST(one_series_can_be_removed)
{
    metric_set(&gauge, 1, "a");
    metric_set(&gauge, 2, "b");
    metric_remove(&gauge, "a");
    metric_remove(&gauge, "never");
    samples_are(&gauge, "test_gauge{tenant=\"b\"} 2\n");
}

/* Many threads count, while one forgets and one reads: nothing is lost, and TSan finds no race. */

enum { THREADS = 4, ROUNDS = 2000 };

static void *count(void *context)
{
    (void)context;
    for (int i = 0; i < ROUNDS; i++) {
        metric_add(&plain, 1);
        metric_add(&labelled, 1, i % 2 == 0 ? "a" : "b", "ok");
        metric_observe(&times, i, "c");
    }
    return NULL;
}

static void *disturb(void *context)
{
    (void)context;
    for (int i = 0; i < ROUNDS / 20; i++) {
        DEFER(text_done) Text text = TEXT_MAX(1 << 20);

        metrics_forget("tenant", "b");
        metrics_render(&text);
    }
    return NULL;
}

TEST(threads_lose_no_count)
{
    pthread_t threads[THREADS + 1];

    for (int i = 0; i <= THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < THREADS ? count : disturb, NULL), 0);
    for (int i = 0; i <= THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    samples_are(&plain, "test_plain_total 8000\n");
    DEFER(defer_free) char *samples = samples_of(&labelled);
    assert_non_null(strstr(samples, "test_labelled_total{tenant=\"a\",result=\"ok\"} 4000\n"));
    DEFER(defer_free) char *seconds = samples_of(&times);
    assert_non_null(strstr(seconds, "test_seconds_count{tenant=\"c\"} 8000\n"));
}

static int register_twice(void *context)
{
    static Metric same = {.name = "test_gauge", .type = METRIC_COUNTER, .help = "The same name."};

    (void)context;
    metrics_register(&same);
    return 0;
}

static int count_down(void *context)
{
    (void)context;
    metric_add(&plain, -1);
    return 0;
}

static int forget_a_label(void *context)
{
    (void)context;
    metric_add(&labelled, 1, "a");
    return 0;
}

static int fall(void *context)
{
    static const double falling[] = {2, 1};
    static Metric metric = {.name = "test_falling",
                            .type = METRIC_HISTOGRAM,
                            .help = "Bounds that fall.",
                            .buckets = falling,
                            .bucket_count = 2};

    (void)context;
    metrics_register(&metric);
    return 0;
}

TEST(mistakes_of_the_program_end_it)
{
    static int (*const mistakes[])(void *) = {register_twice, count_down, forget_a_label, fall};

    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
        const Child *child = child_run(mistakes[i], NULL);

        assert_int_equal(child->status, -SIGABRT);
    }
}

#define METRICS_UNIT_TEST(name) cmocka_unit_test_teardown(name, remove_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        METRICS_UNIT_TEST(metrics_are_described_in_the_order_of_their_registration),
        METRICS_UNIT_TEST(counters_add_up_by_their_labels),
        METRICS_UNIT_TEST(gauges_go_up_and_down),
        METRICS_UNIT_TEST(whole_numbers_keep_every_digit),
        METRICS_UNIT_TEST(label_values_are_escaped),
        METRICS_UNIT_TEST(buckets_are_cumulative_and_a_bound_belongs_to_its_bucket),
        METRICS_UNIT_TEST(a_histogram_needs_no_labels),
        METRICS_UNIT_TEST(observations_can_be_handed_over_together),
        METRICS_UNIT_TEST(forgetting_a_tenant_drops_its_series_of_every_metric),
        METRICS_UNIT_TEST(a_value_that_looks_like_a_label_is_none),
        METRICS_UNIT_TEST(a_forgotten_tenant_starts_again_from_zero),
        METRICS_UNIT_TEST(one_series_can_be_removed),
        METRICS_UNIT_TEST(threads_lose_no_count),
        METRICS_UNIT_TEST(mistakes_of_the_program_end_it),
    };

    return cmocka_run_group_tests(tests, register_all, NULL);
}

#include "relay_metrics.h"

static const double seconds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25, 0.5,
                                 1,      2.5,   5,      10,    30,   60,    300,  1800, 7200};
static const double sizes[] = {1, 3, 10, 30, 100, 300, 1000, 3000};

Metric metric_published = {.name = "bulkhead_outbox_published_total",
                           .type = METRIC_COUNTER,
                           .help = "Events that the tenant's stream acknowledged.",
                           .labels = {"tenant"}};
Metric metric_duplicates = {
    .name = "bulkhead_relay_duplicates_total",
    .type = METRIC_COUNTER,
    .help = "Of those, the ones that the stream had already: sent again after a restart or a "
            "time-out, and dropped by its duplicate window."};
Metric metric_publish_errors = {.name = "bulkhead_relay_publish_errors_total",
                                .type = METRIC_COUNTER,
                                .help = "Publishes that were not stored, by reason.",
                                .labels = {"reason"}};
Metric metric_retried = {.name = "bulkhead_outbox_retries_total",
                         .type = METRIC_COUNTER,
                         .help = "Rows whose attempts were counted up for another try."};
Metric metric_buried = {.name = "bulkhead_outbox_dead_total",
                        .type = METRIC_COUNTER,
                        .help = "Rows that were moved to outbox_dead, by reason.",
                        .labels = {"reason"}};
Metric metric_unexpected_acks = {
    .name = "bulkhead_relay_unexpected_acks_total",
    .type = METRIC_COUNTER,
    .help = "Answers that no row waited for: late ones, second ones of a subject that two streams "
            "take, or forged ones."};
Metric metric_ack_seconds = {.name = "bulkhead_relay_publish_ack_seconds",
                             .type = METRIC_HISTOGRAM,
                             .help = "Time from publish to acknowledgement.",
                             .buckets = seconds,
                             .bucket_count = ARRAY_SIZE(seconds)};
Metric metric_end_to_end_seconds = {.name = "bulkhead_relay_end_to_end_seconds",
                                    .type = METRIC_HISTOGRAM,
                                    .help =
                                        "Time from the row's created_at to its acknowledgement.",
                                    .buckets = seconds,
                                    .bucket_count = ARRAY_SIZE(seconds)};
Metric metric_batch_rows = {.name = "bulkhead_relay_batch_rows",
                            .type = METRIC_HISTOGRAM,
                            .help = "Rows of a batch.",
                            .buckets = sizes,
                            .bucket_count = ARRAY_SIZE(sizes)};
Metric metric_lane_paused = {
    .name = "bulkhead_relay_lane_paused",
    .type = METRIC_GAUGE,
    .help = "1 while a tenant's rows wait: its stream is missing, full, slow or wrongly set up.",
    .labels = {"tenant"}};
Metric metric_exchange_errors = {.name = "bulkhead_relay_database_errors_total",
                                 .type = METRIC_COUNTER,
                                 .help =
                                     "Batches or connections that PostgreSQL ended with an error."};
Metric metric_cleaned = {.name = "bulkhead_outbox_cleaned_total",
                         .type = METRIC_COUNTER,
                         .help = "Published rows that were deleted after --keep."};
Metric metric_pending = {.name = "bulkhead_outbox_pending",
                         .type = METRIC_GAUGE,
                         .help = "Rows that wait, counted up to 10001, or 1001 where many tenants "
                                 "have some. Every replica reports all of them: take the maximum, "
                                 "not the sum.",
                         .labels = {"tenant"}};
Metric metric_retrying = {.name = "bulkhead_outbox_retrying",
                          .type = METRIC_GAUGE,
                          .help = "Of those, the rows that were tried before.",
                          .labels = {"tenant"}};
Metric metric_oldest_seconds = {.name = "bulkhead_outbox_oldest_pending_seconds",
                                .type = METRIC_GAUGE,
                                .help = "Age of the oldest row that waits.",
                                .labels = {"tenant"}};
Metric metric_dead = {.name = "bulkhead_outbox_dead",
                      .type = METRIC_GAUGE,
                      .help = "Rows in outbox_dead, counted as those that wait.",
                      .labels = {"tenant"}};
Metric metric_oldest_xmin_seconds = {
    .name = "bulkhead_database_oldest_xmin_age_seconds",
    .type = METRIC_GAUGE,
    .help =
        "Age of the oldest transaction of the database that keeps vacuum from removing rows; the "
        "relay's role sees those of others with pg_read_all_stats."};
Metric metric_dead_tuples = {.name = "bulkhead_outbox_dead_tuples",
                             .type = METRIC_GAUGE,
                             .help =
                                 "Rows of the outbox that were marked or deleted and that vacuum "
                                 "has not removed yet."};
Metric metric_nats_connected = {.name = "bulkhead_relay_nats_connected",
                                .type = METRIC_GAUGE,
                                .help = "1 while the worker is connected to NATS.",
                                .labels = {"worker"}};
Metric metric_database_connected = {.name = "bulkhead_relay_database_connected",
                                    .type = METRIC_GAUGE,
                                    .help = "1 while the worker is connected to PostgreSQL.",
                                    .labels = {"worker"}};

void relay_metrics_register(void)
{
    static Metric *const all[] = {
        &metric_published,
        &metric_duplicates,
        &metric_publish_errors,
        &metric_retried,
        &metric_buried,
        &metric_unexpected_acks,
        &metric_ack_seconds,
        &metric_end_to_end_seconds,
        &metric_batch_rows,
        &metric_lane_paused,
        &metric_exchange_errors,
        &metric_cleaned,
        &metric_pending,
        &metric_retrying,
        &metric_oldest_seconds,
        &metric_dead,
        &metric_nats_connected,
        &metric_database_connected,
        &metric_oldest_xmin_seconds,
        &metric_dead_tuples,
    };

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        metrics_register(all[i]);
}

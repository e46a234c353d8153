/* What the relay counts. The table with names and help is in the .c file. */
#ifndef RELAY_METRICS_H
#define RELAY_METRICS_H

#include "metrics.h"

extern Metric metric_published;
extern Metric metric_duplicates;
extern Metric metric_publish_errors;
extern Metric metric_retried;
extern Metric metric_buried;
extern Metric metric_unexpected_acks;
extern Metric metric_ack_seconds;
extern Metric metric_end_to_end_seconds;
extern Metric metric_batch_rows;
extern Metric metric_lane_paused;
extern Metric metric_exchange_errors;
extern Metric metric_cleaned;
extern Metric metric_pending;
extern Metric metric_retrying;
extern Metric metric_oldest_seconds;
extern Metric metric_dead;
extern Metric metric_oldest_xmin_seconds;
extern Metric metric_dead_tuples;
extern Metric metric_nats_connected;
extern Metric metric_database_connected;

void relay_metrics_register(void);

#endif

/* What is counted about requests, under the names that dashboards for client-go know. */
#ifndef KUBE_METRICS_H
#define KUBE_METRICS_H

#include "base.h"

/* CODE 0: no answer. ELAPSED_US -1: a stream, whose length says nothing. */
void kube_metrics_add(const char *host, const char *method, int64_t code, int64_t elapsed_us);
void kube_metrics_add_retry(const char *host, const char *method, int64_t code);
void kube_metrics_add_limited(const char *host, const char *method, int64_t waited_us);

#endif

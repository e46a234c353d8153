#include "kube_metrics.h"

#include "kube_client.h"
#include "metrics.h"

static const double buckets[] = {0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60};

static Metric requests = {
    .name = "rest_client_requests_total",
    .type = METRIC_COUNTER,
    .help = "Requests to the API server, by code, method and host.",
    .labels = {"code", "method", "host"},
};
static Metric duration = {
    .name = "rest_client_request_duration_seconds",
    .type = METRIC_HISTOGRAM,
    .help = "How long requests to the API server took; watches are left out.",
    .labels = {"verb", "host"},
    .buckets = buckets,
    .bucket_count = ARRAY_SIZE(buckets),
};
static Metric retries = {
    .name = "rest_client_request_retries_total",
    .type = METRIC_COUNTER,
    .help = "Requests sent again because the API server asked for it or refused our token.",
    .labels = {"code", "verb", "host"},
};
static Metric limited = {
    .name = "rest_client_rate_limiter_duration_seconds",
    .type = METRIC_HISTOGRAM,
    .help = "How long requests waited for our own limit before they were sent; watches and "
            "requests for the lease do not wait.",
    .labels = {"verb", "host"},
    .buckets = buckets,
    .bucket_count = ARRAY_SIZE(buckets),
};

void kube_client_register_metrics(void)
{
    metrics_register(&requests);
    metrics_register(&duration);
    metrics_register(&retries);
    metrics_register(&limited);
}

static void code_text(int64_t code, char *ret_text, size_t size)
{
    if (code == 0)
        (void)snprintf(ret_text, size, "<error>");
    else
        (void)snprintf(ret_text, size, "%" PRId64, code);
}

void kube_metrics_add(const char *host, const char *method, int64_t code, int64_t elapsed_us)
{
    char text[24];

    code_text(code, text, sizeof text);
    metric_add(&requests, 1, text, method, host);
    if (elapsed_us >= 0)
        metric_observe(&duration, (double)elapsed_us / 1e6, method, host);
}

void kube_metrics_add_retry(const char *host, const char *method, int64_t code)
{
    char text[24];

    code_text(code, text, sizeof text);
    metric_add(&retries, 1, text, method, host);
}

void kube_metrics_add_limited(const char *host, const char *method, int64_t waited_us)
{
    metric_observe(&limited, (double)waited_us / 1e6, method, host);
}

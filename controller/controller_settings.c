#include "controller_settings.h"

#include "process.h"

#define FIELD(name) offsetof(ControllerSettings, name)

enum { HOUR_MS = 3600 * 1000 };

static const Option options[] = {
    {"kubeconfig", OPTION_TEXT, FIELD(kubeconfig), NULL, 0, 0, NULL,
     "Kubeconfig to use. Without it: $KUBECONFIG, then the pod's service account, then "
     "~/.kube/config."},
    {"kube-qps", OPTION_COUNT, FIELD(kube_qps), "300", 0, 100000, NULL,
     "Most requests a second to the API server, on average; 0: no limit. Watches and the Lease do "
     "not count."},
    {"kube-burst", OPTION_COUNT, FIELD(kube_burst), "1000", 1, 100000, NULL,
     "Requests that may go to the API server at once after a quiet time."},
    NATS_OPTION_ROWS(FIELD),
    {"system-creds", OPTION_TEXT, FIELD(system_creds), NULL, 0, 0, NULL,
     "Credentials file of a user of NATS' system account. With it the numbers of all tenants come "
     "with one request to each server; without it each tenant that has lag is asked for."},
    {"system-url", OPTION_TEXT, FIELD(system_url), NULL, 0, 0, NULL,
     "NATS servers for the system account. Without it: those of --nats-url, if --system-creds is "
     "given."},
    {"selector", OPTION_TEXT, FIELD(selector), NULL, 0, 0, NULL,
     "Label selector: only Tenants that match are looked after."},
    {"leader-elect", OPTION_FLAG, FIELD(leader_elect), "false", 0, 0, NULL,
     "Act only while holding a Lease; others stand by. Needed for more than one replica."},
    {"leader-elect-namespace", OPTION_TEXT, FIELD(lease_namespace), NULL, 0, 0, NULL,
     "Namespace of the Lease. Without it: that of the pod or of the kubeconfig's context."},
    {"leader-elect-name", OPTION_TEXT, FIELD(lease_name), "bulkhead-controller", 0, 0, NULL,
     "Name of the Lease. Controllers with different selectors need different ones."},
    {"workers", OPTION_COUNT, FIELD(workers), "8", 1, 256, NULL,
     "Tenants that are worked on at the same time."},
    {"resync", OPTION_DURATION_MS, FIELD(resync_ms), "30s", 1000, HOUR_MS, NULL,
     "Time between two sweeps over all streams, the net under the advisories."},
    {"status-interval", OPTION_DURATION_MS, FIELD(status_interval_ms), "10s", 500, HOUR_MS, NULL,
     "Least time between two writes of a Tenant's status that change nothing but numbers."},
    {"metrics-per-tenant", OPTION_TEXT, FIELD(metrics_per_tenant), "full", 1, 100000,
     "full|top:N|off",
     "Of which tenants /metrics has series: of all, of the N with a consumer furthest behind, of "
     "none. Alerts on single tenants see no others."},
    PROCESS_OPTION_ROWS(FIELD),
};

const Program controller_program = {
    .name = "bulkhead-controller",
    .summary = "makes JetStream match the Tenant resources of a Kubernetes cluster",
    .options = options,
    .option_count = ARRAY_SIZE(options),
};

#include "provisioner_settings.h"

#include "otlp.h"
#include "process.h"

#define FIELD(name) offsetof(ProvisionerSettings, name)

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    TEN_MINUTES_MS = 10 * MINUTE_MS,
    DAY_MS = 24 * 60 * MINUTE_MS,
};

static const Option options[] = {
    {"kubeconfig", OPTION_TEXT, FIELD(kubeconfig), NULL, 0, 0, NULL,
     "Kubeconfig to use. Without it: $KUBECONFIG, then the pod's service account, then "
     "~/.kube/config."},
    {"webhook-listen", OPTION_TEXT, FIELD(webhook_listen), ":8443", 0, 0, NULL,
     "Address of the webhook."},
    {"tls-cert", OPTION_TEXT, FIELD(tls_cert), NULL, 0, 0, NULL,
     "PEM file with the certificate of the webhook and what it is signed by. Read again when it is "
     "replaced. Without it the webhook speaks plain HTTP, for use behind an ingress."},
    {"tls-key", OPTION_TEXT, FIELD(tls_key), NULL, 0, 0, NULL,
     "PEM file with the private key of --tls-cert."},
    {"secret-file", OPTION_TEXT, FIELD(secret_file), NULL, 0, 0, NULL,
     "Files with the secrets that events are signed with, one a line, or folders of such files; "
     "comma-separated. Any of the secrets counts. Read again when they are replaced."},
    {"signature", OPTION_TEXT, FIELD(signature), "standard", 0, 0, "standard|github|stripe",
     "Form of the signature: Standard Webhooks, X-Hub-Signature-256 or Stripe-Signature."},
    {"tolerance", OPTION_DURATION_MS, FIELD(tolerance_ms), "5m", SECOND_MS, DAY_MS, NULL,
     "How far the time under a signature may be from our clock."},
    {"status-auth", OPTION_TEXT, FIELD(status_auth), "signature", 0, 0, "signature|none",
     "Who may read /v1/tenants/<id>: who signs its path as a body would be, or everyone."},
    {"templates", OPTION_TEXT, FIELD(templates), NULL, 0, 0, NULL,
     "YAML file, or a folder of them, with the Tenant's template of each plan. Checked by the API "
     "server at the start, and read again when they are replaced."},
    {"on-deleted", OPTION_TEXT, FIELD(on_deleted), "suspend", 0, 0, "suspend|delete",
     "What becomes of a deleted account's Tenant. Only delete needs the right to delete."},
    {"on-unknown", OPTION_TEXT, FIELD(on_unknown), "ignore", 0, 0, "ignore|refuse",
     "Answer to an event of another type: 204, or 422."},
    {"event-created", OPTION_TEXT, FIELD(event_created), "account.created", 0, 0, NULL,
     "Types, comma-separated, that mean: the account is there."},
    {"event-updated", OPTION_TEXT, FIELD(event_updated), "account.updated", 0, 0, NULL,
     "Types that mean: the account has other data."},
    {"event-suspended", OPTION_TEXT, FIELD(event_suspended), "account.suspended", 0, 0, NULL,
     "Types that mean: hold the account's traffic."},
    {"event-resumed", OPTION_TEXT, FIELD(event_resumed), "account.resumed", 0, 0, NULL,
     "Types that mean: let the account's traffic go on."},
    {"event-deleted", OPTION_TEXT, FIELD(event_deleted), "account.deleted", 0, 0, NULL,
     "Types that mean: the account is gone."},
    {"type-field", OPTION_TEXT, FIELD(type_field), "type", 0, 0, NULL,
     "Where the type stands in an event that is no CloudEvent."},
    {"time-field", OPTION_TEXT, FIELD(time_field), "timestamp,created", 0, 0, NULL,
     "Where such an event says when it happened, in RFC 3339 or seconds since 1970; the first "
     "field that is there counts. Without any it is the time under the signature."},
    {"account-field", OPTION_TEXT, FIELD(account_field),
     "data.account.id,data.account_id,data.accountId,data.account,data.id", 0, 0, NULL,
     "Where an event names the account; the first field that is there counts."},
    {"plan-field", OPTION_TEXT, FIELD(plan_field), "data.plan,data.account.plan", 0, 0, NULL,
     "Where an event names the plan; the first field that is there counts."},
    {"event-max-age", OPTION_DURATION_MS, FIELD(event_max_age_ms), "96h", MINUTE_MS,
     366 * (int64_t)DAY_MS, NULL, "An event that happened longer ago is refused."},
    {"rate", OPTION_COUNT, FIELD(rate), "100", 0, 1000000, NULL,
     "Requests a second of one source; 0: no limit."},
    {"rate-burst", OPTION_COUNT, FIELD(rate_burst), "500", 1, 1000000, NULL,
     "Requests of one source that may come at once."},
    {"trusted-proxies", OPTION_TEXT, FIELD(trusted_proxies), "", 0, 0, NULL,
     "Networks, comma-separated, whose X-Forwarded-For is believed: those of the ingress."},
    {"workers", OPTION_COUNT, FIELD(workers), "16", 1, 256, NULL,
     "Events that are handed to the API server at the same time."},
    {"max-requests", OPTION_COUNT, FIELD(max_requests), "256", 1, 65536, NULL,
     "Requests that are worked on or wait for a worker; more are answered with 503."},
    {"max-waiting", OPTION_COUNT, FIELD(max_waiting), "512", 0, 65536, NULL,
     "Requests with ?wait= that wait for a Tenant; more are answered with 202 at once."},
    {"max-wait", OPTION_DURATION_MS, FIELD(max_wait_ms), "1m", 0, TEN_MINUTES_MS, NULL,
     "Longest ?wait=; a longer one is cut to it."},
    {"max-body", OPTION_QUANTITY, FIELD(max_body), "64Ki", 256, 16 << 20, NULL,
     "Longest body of a request."},
    {"connections", OPTION_COUNT, FIELD(connections), "1024", 8, 65536, NULL,
     "Connections at the same time."},
    {"connections-per-source", OPTION_COUNT, FIELD(connections_per_source), "128", 0, 65536, NULL,
     "Connections of one address at the same time; 0: no limit, for use behind an ingress."},
    {"request-timeout", OPTION_DURATION_MS, FIELD(request_timeout_ms), "10s", 100, TEN_MINUTES_MS,
     NULL, "Time for the head of a request, then for its body, then for taking the answer."},
    {"webhook-origins", OPTION_TEXT, FIELD(webhook_origins), "", 0, 0, NULL,
     "Origins, comma-separated or '*', that may send CloudEvents after asking with OPTIONS."},
    OTLP_OPTION_ROW(FIELD(otlp_endpoint)),
    PROCESS_OPTION_ROWS(FIELD),
};

const Program provisioner_program = {
    .name = "bulkhead-provisioner",
    .summary = "turns signed events of an account system into Tenant resources",
    .options = options,
    .option_count = ARRAY_SIZE(options),
};

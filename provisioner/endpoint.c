#include "endpoint.h"

#include <pthread.h>

#include "alloc.h"
#include "audit.h"
#include "clock.h"
#include "units.h"
#include "visit_trace.h"

enum {
    HEAD_BYTES_MAX = 16 * 1024,
    OVERLOADED_RETRY_S = 2,
    BODIES_READ = 8, /* up to that many times the limit is read, so that the client sees its 413 */
    NS_PER_MS = 1000000,
};

struct Endpoint {
    EndpointConfig config;

    pthread_mutex_t rate_lock; /* guards the buckets */
    RateLimit rate;
};

Endpoint *endpoint_new(const EndpointConfig *config)
{
    Endpoint *endpoint = xcalloc(1, sizeof *endpoint);

    endpoint->config = *config;
    endpoint->rate.per_second = config->rate_per_second;
    endpoint->rate.burst = config->rate_burst;
    endpoint->rate.seed = (uint64_t)random_u32() << 32 | random_u32();
    (void)pthread_mutex_init(&endpoint->rate_lock, NULL);
    return endpoint;
}

void endpoint_free(Endpoint *endpoint)
{
    if (endpoint == NULL)
        return;
    (void)pthread_mutex_destroy(&endpoint->rate_lock);
    free(endpoint);
}

/* "/v1/tenants/acme" -> "acme"; NULL if it is no such path. */
static const char *status_tenant(const char *path)
{
    const char *name = text_starts(path, VISIT_PATH "/") ? path + strlen(VISIT_PATH "/") : NULL;

    return name != NULL && tenant_id_valid(name) ? name : NULL;
}

/* The method that a path is answered for goes into the problem's note, for the Allow header. */
static int method_check(const char *method, const char *allowed, const char *other,
                        Problem *retproblem)
{
    if (text_eq(method, allowed) || (other != NULL && text_eq(method, other)))
        return 0;
    problem_fill(retproblem, PROBLEM_METHOD, "want %s", allowed);
    (void)snprintf(retproblem->log_note, sizeof retproblem->log_note, "%s%s%s", allowed,
                   other != NULL ? ", " : "", other != NULL ? other : "");
    return -1;
}

static int route(Visit *visit, Problem *retproblem)
{
    const char *path = http_request_path(visit->request);
    const char *method = http_request_method(visit->request);
    const char *tenant = status_tenant(path);

    if (text_eq(path, VISIT_PATH)) {
        if (method_check(method, "POST", "OPTIONS", retproblem) < 0)
            return -1;
        visit->route = text_eq(method, "POST") ? VISIT_EVENT : VISIT_HANDSHAKE;
        return 0;
    }
    if (tenant == NULL)
        return problem_set(retproblem, PROBLEM_NOT_FOUND, "want %s or %s/<id>", VISIT_PATH,
                           VISIT_PATH);
    if (method_check(method, "GET", NULL, retproblem) < 0)
        return -1;
    visit->route = VISIT_STATUS;
    (void)snprintf(visit->tenant, sizeof visit->tenant, "%s", tenant);
    return 0;
}

static int size_check(const Endpoint *self, const Visit *visit, Problem *retproblem)
{
    const char *announced = http_request_header(visit->request, "Content-Length");
    int64_t length = 0;
    Error ignored;

    if (http_request_head_bytes(visit->request) > HEAD_BYTES_MAX)
        return problem_set(retproblem, PROBLEM_HEAD_TOO_LARGE, "at most %d bytes are read",
                           HEAD_BYTES_MAX);
    if (announced != NULL && (count_parse(announced, 0, INT64_MAX, &length, &ignored) < 0 ||
                              length > self->config.max_body))
        return problem_set(retproblem, PROBLEM_BODY_TOO_LARGE, "at most %" PRId64 " bytes are read",
                           self->config.max_body);
    return 0;
}

static int rate_check(Endpoint *self, const Visit *visit, Problem *retproblem)
{
    int64_t wait_ms = 0;

    (void)pthread_mutex_lock(&self->rate_lock);
    bool may = rate_limit_take(&self->rate, visit->source, clock_ms(), &wait_ms);
    (void)pthread_mutex_unlock(&self->rate_lock);
    if (may)
        return 0;
    problem_fill(retproblem, PROBLEM_RATE, "at most %" PRId64 " requests a second",
                 self->config.rate_per_second);
    retproblem->retry_after_s = max_i64(1, (wait_ms + 999) / 1000);
    return -1;
}

/* ?wait=30s */
static int wait_read(const Endpoint *self, Visit *visit, Problem *retproblem)
{
    const char *text = http_request_query(visit->request, "wait");
    int64_t ns = 0;
    Error ignored;

    if (text == NULL)
        return 0;
    if (duration_parse(text, &ns, &ignored) < 0)
        return problem_set(retproblem, PROBLEM_QUERY, "wait must be a duration such as 30s");
    visit->wait_until_ms = clock_ms() + min_i64(ns / NS_PER_MS, self->config.max_wait_ms);
    return 0;
}

/* Answers at once only where the rest of the request is too long to be read; else a client that is
 * still sending might not see the answer. */
static bool on_head(void *context, HttpRequest *request, HttpAnswer *ret_answer)
{
    Endpoint *self = context;
    Visit *visit = visit_new(request, clock_us());
    const char *announced = http_request_header(request, "Content-Length");
    DEFER(defer_free) char *forwarded = http_request_header_list(request, "X-Forwarded-For");

    http_request_set_data(request, visit);
    source_address(http_request_peer(request), forwarded, &self->config.proxies, visit->source);
    visit->refused =
        route(visit, &visit->problem) < 0 || rate_check(self, visit, &visit->problem) < 0 ||
        size_check(self, visit, &visit->problem) < 0 || wait_read(self, visit, &visit->problem) < 0;
    if (!visit->refused || announced == NULL ||
        strtoll(announced, NULL, 10) <= self->config.max_body * BODIES_READ)
        return false;
    visit_answer_problem(visit, &visit->problem, ret_answer);
    return true;
}

static const char *signature_header(SignatureForm form)
{
    static const char *const names[] = {
        [SIGNATURE_STANDARD] = "webhook-signature",
        [SIGNATURE_GITHUB] = "X-Hub-Signature-256",
        [SIGNATURE_STRIPE] = "Stripe-Signature",
    };

    return names[form];
}

/* What a sender signed: the body, or for a look at a Tenant's state the path. */
typedef struct SignedText {
    const char *at;
    size_t length;
} SignedText;

static int signature_check(Endpoint *self, const Visit *visit, SignedText text,
                           int64_t *ret_signed_ms, Problem *retproblem)
{
    const HttpRequest *request = visit->request;
    const SignatureRules rules = {
        .form = self->config.rules.form,
        .now_ms = clock_wall_ms(),
        .tolerance_ms = self->config.rules.tolerance_ms,
    };
    const SignedMessage message = {
        .id = http_request_header(request, "webhook-id"),
        .timestamp = http_request_header(request, "webhook-timestamp"),
        .signature = http_request_header(request, signature_header(rules.form)),
        .body = text.at,
        .length = text.length,
    };

    return secret_store_verify(self->config.secrets, &message, &rules, ret_signed_ms, retproblem);
}

static int event_read(Endpoint *self, Visit *visit, Problem *retproblem)
{
    const HttpRequest *request = visit->request;
    EventRules rules = self->config.rules;
    EventInput input = {
        .content_type = http_request_header(request, "Content-Type"),
        .content_encoding = http_request_header(request, "Content-Encoding"),
        .webhook_id = http_request_header(request, "webhook-id"),
        .traceparent = http_request_header(request, "traceparent"),
        .ce_specversion = http_request_header(request, "ce-specversion"),
        .ce_id = http_request_header(request, "ce-id"),
        .ce_source = http_request_header(request, "ce-source"),
        .ce_type = http_request_header(request, "ce-type"),
        .ce_time = http_request_header(request, "ce-time"),
        .ce_subject = http_request_header(request, "ce-subject"),
        .ce_traceparent = http_request_header(request, "ce-traceparent"),
    };

    input.body = http_request_body(request, &input.length);
    if (input.body == NULL)
        return problem_set(retproblem, PROBLEM_BODY_TOO_LARGE, "at most %" PRId64 " bytes are read",
                           self->config.max_body);
    if (signature_check(self, visit, (SignedText){input.body, input.length}, &input.signed_ms,
                        retproblem) < 0)
        return -1;
    rules.now_ms = clock_wall_ms();
    if (event_parse(&input, &rules, &visit->event, retproblem) < 0)
        return -1;
    if (self->config.otlp != NULL)
        visit_trace_begin(visit);
    (void)snprintf(visit->tenant, sizeof visit->tenant, "%s", visit->event.tenant);
    return 0;
}

/* 0: it is in the queue, and the queue's. 1: it is answered. -1: the problem is the answer. */
static int enqueue(Endpoint *self, Visit *visit, Problem *retproblem)
{
    if (visit_queue_add(self->config.queue, visit))
        return 0;
    problem_fill(retproblem, PROBLEM_OVERLOADED, "come again in a moment");
    retproblem->retry_after_s = OVERLOADED_RETRY_S;
    return -1;
}

static int on_event(Endpoint *self, Visit *visit, HttpAnswer *ret_answer, Problem *retproblem)
{
    if (event_read(self, visit, retproblem) < 0)
        return -1;
    if (visit->event.kind != EVENT_UNKNOWN)
        return enqueue(self, visit, retproblem);
    if (self->config.refuse_unknown)
        return problem_set(retproblem, PROBLEM_UNKNOWN_EVENT, "nothing is done for '%.200s'",
                           visit->event.type);
    visit_answer_ignored(visit, ret_answer);
    return 1;
}

static int on_status(Endpoint *self, Visit *visit, Problem *retproblem)
{
    const char *path = http_request_path(visit->request);
    int64_t signed_ms = 0;

    if (!self->config.open_status &&
        signature_check(self, visit, (SignedText){path, strlen(path)}, &signed_ms, retproblem) < 0)
        return -1;
    return enqueue(self, visit, retproblem);
}

static bool origin_listed(const char *origins, const char *origin)
{
    size_t length = strlen(origin);

    for (const char *at = origins; *at != '\0';) {
        size_t word = strcspn(at, ", ");

        if (word == length && memcmp(at, origin, length) == 0)
            return true;
        at += word + (at[word] != '\0' ? 1 : 0);
    }
    return text_eq(origins, "*");
}

/* HTTP 1.1 Web Hooks for Event Delivery, 4: may this origin send at all, and how fast? */
static int on_handshake(const Endpoint *self, Visit *visit, HttpAnswer *ret_answer)
{
    const char *origin = http_request_header(visit->request, "WebHook-Request-Origin");
    char rate[24] = "*";

    *ret_answer = (HttpAnswer){.code = 200};
    visit->outcome = "handshake";
    http_answer_add(ret_answer, "Allow", "POST, OPTIONS");
    if (origin == NULL || !origin_listed(self->config.origins, origin))
        return 1;
    if (self->config.rate_per_second > 0)
        (void)snprintf(rate, sizeof rate, "%" PRId64, self->config.rate_per_second * 60);
    http_answer_add(ret_answer, "WebHook-Allowed-Origin", origin);
    http_answer_add(ret_answer, "WebHook-Allowed-Rate", rate);
    return 1;
}

static int dispatch(Endpoint *self, Visit *visit, HttpAnswer *ret_answer, Problem *retproblem)
{
    switch (visit->route) {
    case VISIT_EVENT:
        return on_event(self, visit, ret_answer, retproblem);
    case VISIT_STATUS:
        return on_status(self, visit, retproblem);
    case VISIT_HANDSHAKE:
        return on_handshake(self, visit, ret_answer);
    case VISIT_OTHER:
        break;
    }
    assert(!"a request without a route was not refused");
    abort();
}

static bool on_request(void *context, HttpRequest *request, HttpAnswer *ret_answer)
{
    Endpoint *self = context;
    Visit *visit = http_request_data(request);
    Problem problem = {0};
    int r = -1;

    if (visit->refused)
        problem = visit->problem;
    else
        r = dispatch(self, visit, ret_answer, &problem);
    if (r < 0) {
        visit->problem.fields = NULL;
        visit_answer_problem(visit, &problem, ret_answer);
    }
    return r != 0; /* 0: a worker has it, perhaps answers just now, and VISIT is not ours */
}

static void on_end(void *context, HttpRequest *request, unsigned code)
{
    const Endpoint *self = context;
    Visit *visit = http_request_data(request);
    const int64_t now_us = clock_us();

    if (self->config.otlp != NULL) {
        visit_trace_begin(visit);
        visit_trace_end(visit, code, now_us, self->config.otlp);
    }
    audit_visit(visit, code, now_us);
    visit_free(visit);
}

HttpHandler endpoint_handler(Endpoint *endpoint)
{
    return (HttpHandler){
        .on_head = on_head,
        .on_request = on_request,
        .on_end = on_end,
        .context = endpoint,
    };
}

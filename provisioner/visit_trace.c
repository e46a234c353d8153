#include "visit_trace.h"

#include "clock.h"

enum { SERVER_ERROR = 500, US_PER_MS = 1000 };

static const struct {
    const char *name;
    const char *method;
    const char *route;
} routes[] = {
    [VISIT_OTHER] = {"HTTP", "_OTHER", ""},
    [VISIT_EVENT] = {"POST " VISIT_PATH, "POST", VISIT_PATH},
    [VISIT_STATUS] = {"GET " VISIT_PATH "/{id}", "GET", VISIT_PATH "/{id}"},
    [VISIT_HANDSHAKE] = {"OPTIONS " VISIT_PATH, "OPTIONS", VISIT_PATH},
};

void visit_trace_begin(Visit *visit)
{
    uint8_t random[TRACE_RANDOM_BYTES];

    if (visit->traced)
        return;
    for (size_t i = 0; i < sizeof random; i += sizeof(uint32_t)) {
        const uint32_t word = random_u32();

        memcpy(random + i, &word, sizeof word);
    }
    visit->traced = true;
    (void)snprintf(visit->trace_parent, sizeof visit->trace_parent, "%s", visit->event.trace.span);
    visit->event.trace = trace_context_child(&visit->event.trace, random);
}

/* The names are those of OpenTelemetry's conventions for HTTP servers, and ours. */
static void attributes_add(Span *span, const Visit *visit, unsigned code)
{
    span_add_text(span, "http.request.method", routes[visit->route].method);
    span_add_text(span, "http.route", routes[visit->route].route);
    if (code != 0)
        span_add_int(span, "http.response.status_code", code);
    span_add_text(span, "client.address", visit->source);
    span_add_text(span, "bulkhead.request", visit->id);
    span_add_text(span, "bulkhead.outcome", visit->outcome);
    span_add_text(span, "bulkhead.event.id", visit->event.id);
    span_add_text(span, "bulkhead.event.type", visit->event.type);
    span_add_text(span, "bulkhead.account", visit->event.account);
    span_add_text(span, "bulkhead.tenant", visit->tenant);
    if (code >= SERVER_ERROR)
        span_add_text(span, "error.type", visit->outcome);
}

void visit_trace_end(const Visit *visit, unsigned code, int64_t now_us, Otlp *otlp)
{
    const int64_t end_us = clock_wall_ms() * US_PER_MS;
    Span span = {
        .context = visit->event.trace,
        .name = routes[visit->route].name,
        .kind = SPAN_SERVER,
        .start_us = end_us - (now_us - visit->began_us),
        .end_us = end_us,
        .failure = code >= SERVER_ERROR ? visit->outcome : NULL,
    };

    assert(visit->traced);
    memcpy(span.parent, visit->trace_parent, sizeof span.parent);
    attributes_add(&span, visit, code);
    if (span.context.sampled)
        otlp_add(otlp, &span);
}

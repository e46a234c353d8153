/* Spans to an OpenTelemetry collector: OTLP over HTTP, as JSON. Over libcurl.
 *
 * Nobody waits for it: a thread of its own sends what is in a bounded queue, and what does not fit
 * into that is dropped and counted. What the collector cannot take now is sent again a few times,
 * what it refuses is not. */
#ifndef OTLP_H
#define OTLP_H

#include "error.h"
#include "options.h"
#include "span.h"

typedef struct Otlp Otlp;

/* Texts are borrowed until otlp_stop(). */
typedef struct OtlpSettings {
    const char *endpoint; /* "http://collector:4318"; "/v1/traces" is put behind it */
    SpanSource source;
    int64_t gather_ms; /* how long a span may wait for others to be sent with */

    /* In the exporter's thread: WHY sending began to fail, NULL when it works again. */
    void (*tell)(const char *why);
} OtlpSettings;

/* The row of a program's option table; FIELD is the offset of a `const char *`. */
#define OTLP_OPTION_ROW(field)                                                                     \
    {                                                                                              \
        "otlp-endpoint", OPTION_TEXT, (field), NULL, 0, 0, NULL,                                   \
            "Collector that gets traces by OTLP over HTTP, such as http://collector:4318. "        \
            "Without "                                                                             \
            "it: $OTEL_EXPORTER_OTLP_ENDPOINT; without that, no traces."                           \
    }

/* What --otlp-endpoint says, else what the environment does, else NULL. */
const char *otlp_endpoint(const char *flag);

/* ERROR_INVALID for an endpoint that is no http or https URL. */
int otlp_start(const OtlpSettings *settings, Otlp **ret_otlp, Error *reterr) MUST_CHECK;

/* From any thread, at once. OTLP NULL: spans go nowhere. */
void otlp_add(Otlp *otlp, const Span *span);

/* Sends what is left for at most about FLUSH_MS. Takes NULL. */
void otlp_stop(Otlp *otlp, int64_t flush_ms);

/* bulkhead_otlp_spans_total. Call once, from main. */
void otlp_register_metrics(void);

#endif

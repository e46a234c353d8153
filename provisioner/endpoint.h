/* The webhook: what strangers see. Each request is judged here, in this order: rate, path and
 * method, size, signature, time, form, type; what is left goes to the queue. */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "account_event.h"
#include "otlp.h"
#include "rate_limit.h"
#include "secret_store.h"
#include "source_address.h"
#include "visit_queue.h"

typedef struct EndpointConfig {
    SecretStore *secrets; /* borrowed, as the queue is */
    VisitQueue *queue;
    Otlp *otlp;       /* borrowed too; NULL: no traces */
    EventRules rules; /* without the time */
    Networks proxies;
    const char *origins; /* for the handshake of CloudEvents; "*", or comma-separated */
    bool open_status;    /* nobody has to sign a look at a Tenant's state */
    bool refuse_unknown; /* events of another type: 422 instead of 204    */
    int64_t max_body;
    int64_t max_wait_ms;
    int64_t rate_per_second;
    int64_t rate_burst;
} EndpointConfig;

typedef struct Endpoint Endpoint;

/* CONFIG is copied. */
Endpoint *endpoint_new(const EndpointConfig *config) __attribute__((__returns_nonnull__));

/* No server may use it any more. Takes NULL. */
void endpoint_free(Endpoint *endpoint);

/* Its functions, for http_server_new(). */
HttpHandler endpoint_handler(Endpoint *endpoint);

#endif

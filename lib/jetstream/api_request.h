/* One JSON request to JetStream: $JS.API.<what>. Typed calls of nats.c would drop every
 * field that its version does not know, so the API is spoken as JSON (ADR-0003). */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include "connection.h"
#include "json.h"

/* Sends BODY (NULL: none) to "$JS.API." + the formatted subject and waits for the answer.
 * *ret_reply is the caller's. ERROR_BUSY when NATS is away or does not answer in time; the kind
 * of api_error_read when JetStream refuses. */
int api_request(NatsConnection *connection, const cJSON *body, cJSON **ret_reply, Error *reterr,
                const char *format, ...) PRINTF_LIKE(5, 6) MUST_CHECK;

/* The server's JetStream API level (0 before 2.11) and its version, from $JS.API.INFO.
 * ERROR_UNSUPPORTED below NATS 2.10, ERROR_DENIED where the account has no JetStream. */
typedef struct ServerInfo {
    int64_t api_level;
    bool clustered;
    char version[32];
} ServerInfo;

int server_info_read(NatsConnection *connection, ServerInfo *ret_info, Error *reterr) MUST_CHECK;

#endif

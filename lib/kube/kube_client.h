/* One API server, one identity: requests with a time limit, from any thread.
 *
 * Connections are kept and reused. Tokens, certificates and CA are read again when their files
 * are replaced, and at once after a 401. A refusal with Retry-After is waited for and tried
 * again as long as the time limit lasts. */
#ifndef KUBE_CLIENT_H
#define KUBE_CLIENT_H

#include "base.h"
#include "error.h"
#include "json.h"
#include "kube_config.h"

enum { KUBE_TIMEOUT_MS = 30000, KUBE_RESPONSE_MAX = 16 << 20 };

typedef struct KubeClient KubeClient;

/* NAME is the program ("bulkhead-controller"): field manager, and User-Agent with the version.
 * CONFIG is taken over in either case. ERROR_INVALID where its files cannot be read. */
int kube_client_new(KubeConfig *config, const char *name, KubeClient **ret_client, Error *reterr)
    MUST_CHECK;

/* No request may be under way any more. Takes NULL. */
void kube_client_free(KubeClient *client);
DEFINE_DEFER(KubeClient *, defer_kube_client, kube_client_free)

/* From now on at most PER_SECOND requests (0: any number), BURST at once after a quiet time; the
 * others wait. Watches and urgent requests do not count. Call it before the first request. */
void kube_client_limit(KubeClient *client, int64_t per_second, int64_t burst);

/* Closes the kept connections that nobody has used for QUIET_MS: each holds a tenth of a megabyte.
 */
void kube_client_trim(KubeClient *client, int64_t quiet_ms);

/* Once FD is readable nothing is sent a second time, and no request, under way or new, takes longer
 * than WITHIN_MS. Call it before the first request. */
void kube_client_end_with(KubeClient *client, int fd, int64_t within_ms);

const char *kube_client_name(const KubeClient *client);

/* "https://host:port", for messages. */
const char *kube_client_server(const KubeClient *client);

/* The namespace of the context or of the pod, "default" where none is named. */
const char *kube_client_namespace(const KubeClient *client);

typedef struct KubeRequest {
    const char *method;
    const char *path;         /* see kube_path() */
    const cJSON *body;        /* NULL: none */
    const char *content_type; /* NULL: application/json */
    const char *accept;       /* NULL: application/json */
    int64_t timeout_ms;       /* of all tries together; 0: KUBE_TIMEOUT_MS */
    int stop_fd;              /* readable: give up at once, ERROR_BUSY; 0: none */
    bool urgent;              /* it is sent whatever kube_client_limit() says */
} KubeRequest;

typedef struct KubeResponse {
    int64_t code;           /* HTTP */
    int64_t retry_after_ms; /* -1: not said */
    cJSON *json;            /* NULL where the body was empty or no JSON */
    char *warnings;         /* of the server, one a line; NULL: none. For the caller to log. */
} KubeResponse;

void kube_response_done(KubeResponse *response);

/* 0 whenever an answer came, whatever its code; ERROR_BUSY when none came in time, ERROR_LIMIT
 * when it was larger than KUBE_RESPONSE_MAX. */
int kube_exchange(KubeClient *client, const KubeRequest *request, KubeResponse *ret_response,
                  Error *reterr) MUST_CHECK;

/* As kube_exchange(), but an answer that is not 2xx is an error too: the kind of
 * kube_status_kind(), the text of the server's Status. */
int kube_request(KubeClient *client, const KubeRequest *request, KubeResponse *ret_response,
                 Error *reterr) MUST_CHECK;

/* Takes bytes as they come; false gives the answer up. */
typedef bool KubeSinkFn(void *context, const char *bytes, size_t length);

typedef struct KubeSink {
    void (*on_open)(void *context); /* the server said yes */
    KubeSinkFn *on_bytes;
    void *context;
    int64_t silence_ms; /* without one byte: the peer is dead */
} KubeSink;

/* As kube_exchange() for an answer that goes on and on: the bytes of a 2xx go to SINK, other
 * bodies to the response. 0 when the server ended it. Retry-After is left to the caller. */
int kube_stream(KubeClient *client, const KubeRequest *request, const KubeSink *sink,
                KubeResponse *ret_response, Error *reterr) MUST_CHECK;

/* rest_client_requests_total and its sisters. Call once, from main. */
void kube_client_register_metrics(void);

#endif

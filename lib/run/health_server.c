#include "health_server.h"

#include <microhttpd.h>
#include <unistd.h>

#include "alloc.h"
#include "listen_socket.h"
#include "metrics.h"

enum {
    METRICS_BYTES_MAX = 64 * 1024 * 1024, /* 10,000 tenants with every series */
    CONNECTIONS_MAX = 32,
    IDLE_SECONDS_MAX = 10,
};

struct HealthServer {
    HealthChecks checks;
    struct MHD_Daemon *daemon;
    uint16_t port;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, Text *body,
                              const char *type)
{
    size_t length = body->length;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, text_take(body), MHD_RESPMEM_MUST_FREE);

    assert(response != NULL);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_check(struct MHD_Connection *connection, HealthFn *check,
                                    void *context)
{
    DEFER(text_done) Text body = TEXT_MAX(ERROR_TEXT_MAX);
    const char *complaint = check(context);

    text_addf(&body, "%s\n", complaint == NULL ? "ok" : complaint);
    return answer(connection, complaint == NULL ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, &body,
                  "text/plain; charset=utf-8");
}

static enum MHD_Result answer_metrics(struct MHD_Connection *connection, const HealthChecks *checks)
{
    DEFER(text_done) Text body = TEXT_MAX(METRICS_BYTES_MAX);

    if (checks->measure != NULL)
        checks->measure(checks->context);
    metrics_render(&body);
    if (!body.full)
        return answer(connection, MHD_HTTP_OK, &body, "text/plain; version=0.0.4; charset=utf-8");
    text_clear(&body);
    text_addf(&body, "there are more than %d bytes of metrics\n", METRICS_BYTES_MAX);
    return answer(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, &body, "text/plain");
}

/* The parameters are libmicrohttpd's: NOLINTBEGIN(readability-*) */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
    const HealthServer *server = context;
    DEFER(text_done) Text body = TEXT_MAX(ERROR_TEXT_MAX);

    (void)version;
    (void)upload;
    (void)upload_size;
    (void)request;
    if (!text_eq(method, MHD_HTTP_METHOD_GET) && !text_eq(method, MHD_HTTP_METHOD_HEAD)) {
        text_add(&body, "only GET is answered here\n");
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, &body, "text/plain");
    }
    if (text_eq(url, "/livez") || text_eq(url, "/healthz"))
        return answer_check(connection, server->checks.alive, server->checks.context);
    if (text_eq(url, "/readyz"))
        return answer_check(connection, server->checks.ready, server->checks.context);
    if (text_eq(url, "/metrics"))
        return answer_metrics(connection, &server->checks);
    text_add(&body, "not found: want /livez, /readyz or /metrics\n");
    return answer(connection, MHD_HTTP_NOT_FOUND, &body, "text/plain");
}

/* NOLINTEND(readability-*) */

int health_server_start(const char *listen, const HealthChecks *checks, HealthServer **ret_server,
                        Error *reterr)
{
    int fd = -1;

    if (listen_socket_open("--listen", listen, &fd, reterr) < 0)
        return -1;

    HealthServer *server = xcalloc(1, sizeof *server);
    server->checks = *checks;
    server->port = listen_socket_port(fd);
    server->daemon = MHD_start_daemon(
        MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
        fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS_MAX, MHD_OPTION_END);
    if (server->daemon == NULL) {
        (void)close(fd);
        free(server);
        return error_set(reterr, ERROR_BUG, "--listen: the HTTP server did not start");
    }
    *ret_server = server;
    return 0;
}

void health_server_stop(HealthServer *server)
{
    if (server == NULL)
        return;
    MHD_stop_daemon(server->daemon);
    free(server);
}

uint16_t health_server_port(const HealthServer *server)
{
    return server->port;
}

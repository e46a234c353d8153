#include "health_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "metrics.h"
#include "units.h"

enum {
    METRICS_BYTES_MAX = 64 * 1024 * 1024, /* 10,000 tenants with every series */
    CONNECTIONS_MAX = 32,
    IDLE_SECONDS_MAX = 10,
    HOST_SIZE = 256,
    BACKLOG = 64,
    PORT_MAX = 65535,
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

static enum MHD_Result answer_metrics(struct MHD_Connection *connection)
{
    DEFER(text_done) Text body = TEXT_MAX(METRICS_BYTES_MAX);

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
        return answer_metrics(connection);
    text_add(&body, "not found: want /livez, /readyz or /metrics\n");
    return answer(connection, MHD_HTTP_NOT_FOUND, &body, "text/plain");
}

/* NOLINTEND(readability-*) */

/* Splits "host:port"; brackets around an IPv6 address go. An empty host is any address. */
static int listen_split(const char *listen, char ret_host[HOST_SIZE], const char **ret_port,
                        Error *reterr)
{
    const char *colon = strrchr(listen, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - listen);
    const char *host = listen;
    int64_t port;

    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    if (colon == NULL || length >= HOST_SIZE)
        return error_set(reterr, ERROR_INVALID, "--listen: '%s' is not host:port", listen);
    if (count_parse(colon + 1, 0, PORT_MAX, &port, reterr) < 0)
        return error_wrap(reterr, "--listen");
    memcpy(ret_host, host, length);
    ret_host[length] = '\0';
    *ret_port = colon + 1;
    return 0;
}

/* An IPv6 socket takes IPv4 as well: "::" is any address of a pod, whatever its cluster has. */
static int socket_bind(const struct addrinfo *address)
{
    const int on = 1;
    const int off = 0;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return -1;
}

static int socket_at(const char *host, const char *port, Error *reterr)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int fd = -1;
    int r = getaddrinfo(host, port, &hints, &addresses);

    if (r != 0)
        return error_set(reterr, ERROR_INVALID, "--listen: '%s': %s", host, gai_strerror(r));
    for (const struct addrinfo *at = addresses; at != NULL && fd < 0; at = at->ai_next)
        fd = socket_bind(at);
    freeaddrinfo(addresses);
    if (fd < 0)
        return error_set(reterr, ERROR_INVALID, "--listen: port %s of '%s' cannot be had: %s", port,
                         host, strerror(errno));
    return fd;
}

static int socket_open(const char *where, Error *reterr)
{
    char host[HOST_SIZE];
    const char *port = NULL;

    if (listen_split(where, host, &port, reterr) < 0)
        return -1;
    if (*host != '\0')
        return socket_at(host, port, reterr);
    int fd = socket_at("::", port, reterr);
    return fd >= 0 ? fd : socket_at("0.0.0.0", port, reterr); /* a host without IPv6 */
}

static uint16_t socket_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char digits[8] = "0";
    int64_t port = 0;
    Error ignored;

    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        (void)getnameinfo((struct sockaddr *)&address, size, NULL, 0, digits, sizeof digits,
                          NI_NUMERICSERV);
    if (count_parse(digits, 0, PORT_MAX, &port, &ignored) < 0)
        return 0;
    return (uint16_t)port;
}

int health_server_start(const char *listen, const HealthChecks *checks, HealthServer **ret_server,
                        Error *reterr)
{
    int fd = socket_open(listen, reterr);
    if (fd < 0)
        return -1;

    HealthServer *server = xcalloc(1, sizeof *server);
    server->checks = *checks;
    server->port = socket_port(fd);
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

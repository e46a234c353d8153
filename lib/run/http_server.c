#include "http_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "http_door.h"
#include "listen_socket.h"

/* No old protocols; what is left is the library's own choice. */
static const char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

enum {
    KEEPER_MS = 200,
    HEAD_MEMORY = 64 * 1024, /* of a connection, for the head and what is read at once */
    OPTIONS_MAX = 16,
};

/* The parameters are libmicrohttpd's: NOLINTBEGIN(readability-*) */
static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **slot)
{
    Door *door = context;
    const HttpHandler *handler = &door->server->handler;
    HttpRequest *request = *slot;

    (void)version;
    if (request == NULL) {
        HttpAnswer answer = {0};

        request = *slot = http_request_new(door, connection);
        request->method = method;
        request->path = url;
        http_request_allow(request, door->server->settings.request_ms);
        return handler->on_head(handler->context, request, &answer)
                   ? http_request_send(request, &answer)
                   : MHD_YES;
    }
    if (*upload_size > 0) {
        size_t length = *upload_size;

        *upload_size = 0;
        return http_request_add_body(request, upload, length);
    }
    return http_request_whole(request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode how)
{
    Door *door = context;
    HttpRequest *request = *slot;
    const HttpHandler *handler = &door->server->handler;

    (void)connection;
    if (request == NULL)
        return;
    *slot = NULL;
    http_request_allow(request, door->server->settings.idle_ms);
    handler->on_end(handler->context, request,
                    how == MHD_REQUEST_TERMINATED_COMPLETED_OK ? request->code : 0);
    http_request_free(request);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    Door *door = context;
    HttpServer *server = door->server;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        *socket_context = http_connections_add(&server->connections, info->connect_fd,
                                               clock_ms() + server->settings.request_ms);
        atomic_fetch_add(&door->connections, 1);
    } else {
        http_connections_remove(&server->connections, *socket_context);
        atomic_fetch_sub(&door->connections, 1);
    }
}

/* NOLINTEND(readability-*) */

static unsigned seconds_up(int64_t ms)
{
    return (unsigned)((ms + 999) / 1000);
}

static void options_fill(const Door *door, struct MHD_OptionItem ret_options[OPTIONS_MAX])
{
    const HttpSettings *settings = &door->server->settings;
    const int64_t silence_ms = max_i64(settings->request_ms, settings->idle_ms);
    const struct MHD_OptionItem items[] = {
        {MHD_OPTION_LISTEN_SOCKET, door->fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, settings->connections, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, settings->connections_per_source, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, seconds_up(silence_ms), NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MEMORY, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL},
        {MHD_OPTION_THREAD_POOL_SIZE, settings->threads > 1 ? settings->threads : 0, NULL},
        {MHD_OPTION_END, 0, NULL},
    };

    static_assert(ARRAY_SIZE(items) <= OPTIONS_MAX, "the options fit");
    memcpy(ret_options, items, sizeof items);
}

static struct MHD_Daemon *daemon_start(Door *door, const HttpCertificate *certificate)
{
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    struct MHD_OptionItem options[OPTIONS_MAX];

    options_fill(door, options);
    if (certificate->certificate == NULL)
        return MHD_start_daemon(flags, 0, NULL, NULL, on_access, door, MHD_OPTION_ARRAY, options,
                                MHD_OPTION_NOTIFY_COMPLETED, on_completed, door,
                                MHD_OPTION_NOTIFY_CONNECTION, on_connection, door, MHD_OPTION_END);
    return MHD_start_daemon(flags | MHD_USE_TLS, 0, NULL, NULL, on_access, door, MHD_OPTION_ARRAY,
                            options, MHD_OPTION_NOTIFY_COMPLETED, on_completed, door,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, door,
                            MHD_OPTION_HTTPS_MEM_CERT, certificate->certificate,
                            MHD_OPTION_HTTPS_MEM_KEY, certificate->key, MHD_OPTION_HTTPS_PRIORITIES,
                            tls_priorities, MHD_OPTION_END);
}

static int door_open(HttpServer *server, const HttpCertificate *certificate, Door **ret_door,
                     Error *reterr)
{
    Door *door = xcalloc(1, sizeof *door);

    door->server = server;
    door->fd = fcntl(server->listen_fd, F_DUPFD_CLOEXEC, 0);
    assert(door->fd >= 0);
    door->daemon = daemon_start(door, certificate);
    if (door->daemon == NULL) {
        (void)close(door->fd);
        free(door);
        return error_set(reterr, ERROR_INVALID,
                         certificate->certificate != NULL
                             ? "certificate and key do not fit together, or are no PEM"
                             : "the HTTP server did not start");
    }
    *ret_door = door;
    return 0;
}

static void door_close(Door *door)
{
    if (!atomic_exchange(&door->closing, true))
        (void)MHD_quiesce_daemon(door->daemon);
}

/* Only a closed one: from then on the socket is ours again, to be closed after the daemon. */
static void door_free(Door *door)
{
    if (door == NULL)
        return;
    assert(atomic_load(&door->closing));
    MHD_stop_daemon(door->daemon);
    (void)close(door->fd);
    free(door);
}

int http_server_open(HttpServer *server, const HttpCertificate *certificate, Error *reterr)
{
    Door *door = NULL;
    int r = 0;

    assert((certificate->certificate == NULL) == (certificate->key == NULL));
    (void)pthread_mutex_lock(&server->lock);
    if (server->old_door != NULL)
        r = error_set(reterr, ERROR_BUSY, "clients of the last certificate are still connected");
    else
        r = door_open(server, certificate, &door, reterr);
    if (r == 0) {
        server->old_door = server->door;
        server->door = door;
    }
    if (r == 0 && server->old_door != NULL)
        door_close(server->old_door);
    (void)pthread_mutex_unlock(&server->lock);
    return r;
}

static void old_door_look(HttpServer *server)
{
    Door *empty = NULL;

    (void)pthread_mutex_lock(&server->lock);
    if (server->old_door != NULL && atomic_load(&server->old_door->connections) == 0)
        empty = TAKE(server->old_door);
    (void)pthread_mutex_unlock(&server->lock);
    door_free(empty);
}

static void *keeper_run(void *context)
{
    HttpServer *server = context;
    struct pollfd stop = {.fd = server->keeper_stop_fd, .events = POLLIN};

    while (poll(&stop, 1, KEEPER_MS) <= 0) {
        http_connections_reap(&server->connections, clock_ms());
        old_door_look(server);
    }
    return NULL;
}

int http_server_new(const HttpSettings *settings, const HttpHandler *handler,
                    HttpServer **ret_server, Error *reterr)
{
    int fd = -1;

    if (listen_socket_open(settings->flag, settings->listen, &fd, reterr) < 0)
        return -1;
    HttpServer *server = xcalloc(1, sizeof *server);
    server->settings = *settings;
    server->handler = *handler;
    server->listen_fd = fd;
    server->keeper_stop_fd = eventfd(0, EFD_CLOEXEC);
    assert(server->keeper_stop_fd >= 0);
    (void)pthread_mutex_init(&server->lock, NULL);
    http_connections_init(&server->connections);
    int r = pthread_create(&server->keeper, NULL, keeper_run, server);
    assert(r == 0);
    *ret_server = server;
    return 0;
}

static void wait_for(atomic_size_t *count, int64_t until_ms)
{
    while (atomic_load(count) > 0 && clock_ms() < until_ms)
        (void)poll(NULL, 0, 10);
}

void http_server_stop(HttpServer *server, int64_t drain_ms)
{
    const uint64_t one = 1;

    if (server == NULL)
        return;
    (void)pthread_mutex_lock(&server->lock);
    if (server->door != NULL)
        door_close(server->door);
    (void)pthread_mutex_unlock(&server->lock);
    wait_for(&server->owed, INT64_MAX); /* the library cannot end while a connection sleeps */
    wait_for(&server->requests, clock_ms() + drain_ms);

    ssize_t written = write(server->keeper_stop_fd, &one, sizeof one);
    assert(written == sizeof one);
    (void)pthread_join(server->keeper, NULL);
    door_free(server->old_door);
    door_free(server->door);
    http_connections_done(&server->connections);
    (void)close(server->keeper_stop_fd);
    (void)close(server->listen_fd);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

uint16_t http_server_port(const HttpServer *server)
{
    return listen_socket_port(server->listen_fd);
}

size_t http_server_connections(HttpServer *server)
{
    return http_connections_count(&server->connections);
}

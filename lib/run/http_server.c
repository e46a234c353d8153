#include "http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "http_connections.h"
#include "listen_socket.h"

/* No old protocols; what is left is the library's own choice. */
static const char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

enum {
    KEEPER_MS = 200,
    HEAD_MEMORY = 64 * 1024, /* of a connection, for the head and what is read at once */
    DISCARD_BODIES = 16,     /* that many times the limit is read and dropped, to answer 413 */
    PEER_SIZE = 48,
    OPTIONS_MAX = 16,
};

/* One libmicrohttpd server. There are two while clients of an older certificate are still here. */
typedef struct Door {
    HttpServer *server;
    struct MHD_Daemon *daemon;
    int fd; /* its own copy of the listening socket */
    atomic_bool closing;
    atomic_size_t connections;
} Door;

struct HttpServer {
    HttpLimits limits;
    HttpHandler handler;
    HttpConnections connections;
    int listen_fd;
    atomic_size_t requests; /* begun and not ended */
    atomic_size_t owed;     /* answers that on_request put off */

    pthread_mutex_t lock; /* guards the two below */
    Door *door;
    Door *old_door; /* closing; NULL: none */

    pthread_t keeper;
    int keeper_stop_fd;
};

struct HttpRequest {
    Door *door;
    struct MHD_Connection *connection;
    HttpConnection *timer;
    const char *method;
    const char *path;
    char peer[PEER_SIZE];
    Text body;
    size_t discarded;
    void *data;
    unsigned code; /* of the answer that was queued */

    pthread_mutex_t lock; /* guards the three below */
    bool suspended;
    bool answered;
    HttpAnswer answer;
};

void http_answer_add(HttpAnswer *answer, const char *name, const char *value)
{
    assert(answer->header_count < HTTP_HEADERS_MAX);
    answer->headers[answer->header_count].name = name;
    answer->headers[answer->header_count].value = xstrdup(value);
    answer->header_count++;
}

void http_answer_done(HttpAnswer *answer)
{
    for (size_t i = 0; i < answer->header_count; i++)
        free(answer->headers[i].value);
    text_done(&answer->body);
    *answer = (HttpAnswer){0};
}

const char *http_request_method(const HttpRequest *request)
{
    return request->method;
}

const char *http_request_path(const HttpRequest *request)
{
    return request->path;
}

const char *http_request_header(const HttpRequest *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_request_query(const HttpRequest *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result add_bytes(void *context, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    size_t *total = context;

    (void)kind;
    *total += (name != NULL ? strlen(name) : 0) + (value != NULL ? strlen(value) : 0);
    return MHD_YES;
}

size_t http_request_head_bytes(const HttpRequest *request)
{
    size_t total = strlen(request->path);

    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, add_bytes, &total);
    (void)MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, add_bytes, &total);
    return total;
}

const char *http_request_body(const HttpRequest *request, size_t *ret_length)
{
    *ret_length = request->body.length;
    return request->body.full ? NULL : text_get(&request->body);
}

const char *http_request_peer(const HttpRequest *request)
{
    return request->peer;
}

void http_request_set_data(HttpRequest *request, void *data)
{
    request->data = data;
}

void *http_request_data(const HttpRequest *request)
{
    return request->data;
}

static void allow_ms(const HttpRequest *request, int64_t ms)
{
    http_connections_allow(&request->door->server->connections, request->timer,
                           ms == INT64_MAX ? ms : clock_ms() + ms);
}

static enum MHD_Result answer_send(HttpRequest *request, HttpAnswer *answer)
{
    size_t length = answer->type != NULL ? answer->body.length : 0;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        length, length > 0 ? text_take(&answer->body) : NULL, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result = MHD_NO;

    if (response == NULL)
        abort(); /* memory alone can be missing */
    if (answer->type != NULL)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    for (size_t i = 0; i < answer->header_count; i++)
        (void)MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    if (atomic_load(&request->door->closing))
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    request->code = answer->code;
    allow_ms(request, request->door->server->limits.request_ms);
    result = MHD_queue_response(request->connection, answer->code, response);
    MHD_destroy_response(response);
    http_answer_done(answer);
    return result;
}

void http_request_answer(HttpRequest *request, HttpAnswer *answer)
{
    struct MHD_Connection *connection = request->connection;
    HttpServer *server = request->door->server;
    bool suspended;

    (void)pthread_mutex_lock(&request->lock);
    assert(!request->answered);
    request->answer = *answer;
    *answer = (HttpAnswer){0};
    request->answered = true;
    suspended = request->suspended;
    (void)pthread_mutex_unlock(&request->lock);
    if (suspended)
        MHD_resume_connection(connection);
    atomic_fetch_sub(&server->owed, 1);
}

/* The answer may have come before the connection slept. */
static void sleep_until_answered(HttpRequest *request)
{
    struct MHD_Connection *connection = request->connection;
    bool answered;

    MHD_suspend_connection(connection);
    (void)pthread_mutex_lock(&request->lock);
    request->suspended = true;
    answered = request->answered;
    (void)pthread_mutex_unlock(&request->lock);
    if (answered)
        MHD_resume_connection(connection);
}

static enum MHD_Result whole(HttpRequest *request)
{
    HttpServer *server = request->door->server;
    const HttpHandler *handler = &server->handler;
    HttpAnswer answer = {0};

    if (request->answered) /* suspended until now, so that nobody else can touch it */
        return answer_send(request, &request->answer);
    allow_ms(request, INT64_MAX);
    atomic_fetch_add(&server->owed, 1);
    if (!handler->on_request(handler->context, request, &answer)) {
        sleep_until_answered(request);
        return MHD_YES;
    }
    atomic_fetch_sub(&server->owed, 1);
    return answer_send(request, &answer);
}

static void peer_read(HttpRequest *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    socklen_t size = sizeof(struct sockaddr_in6);

    if (address == NULL || getnameinfo(address, size, request->peer, sizeof request->peer, NULL, 0,
                                       NI_NUMERICHOST) != 0)
        (void)snprintf(request->peer, sizeof request->peer, "unknown");
}

static HttpRequest *request_new(Door *door, struct MHD_Connection *connection)
{
    HttpRequest *request = xcalloc(1, sizeof *request);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    assert(info != NULL && info->socket_context != NULL);
    request->door = door;
    request->connection = connection;
    request->timer = info->socket_context;
    request->body = TEXT_MAX((size_t)door->server->limits.body_bytes);
    (void)pthread_mutex_init(&request->lock, NULL);
    peer_read(request);
    atomic_fetch_add(&door->server->requests, 1);
    return request;
}

static void request_free(HttpRequest *request)
{
    atomic_fetch_sub(&request->door->server->requests, 1);
    http_answer_done(&request->answer);
    text_done(&request->body);
    (void)pthread_mutex_destroy(&request->lock);
    free(request);
}

/* A body that is too large is read on for a while, since a client that is still sending would not
 * see the answer. */
static enum MHD_Result body_add(HttpRequest *request, const char *bytes, size_t length)
{
    size_t limit = (size_t)request->door->server->limits.body_bytes;

    if (request->body.full)
        request->discarded += length;
    else
        text_add_bytes(&request->body, bytes, length);
    return request->discarded <= limit * DISCARD_BODIES ? MHD_YES : MHD_NO;
}

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

        request = *slot = request_new(door, connection);
        request->method = method;
        request->path = url;
        allow_ms(request, door->server->limits.request_ms);
        return handler->on_head(handler->context, request, &answer) ? answer_send(request, &answer)
                                                                    : MHD_YES;
    }
    if (*upload_size > 0) {
        size_t length = *upload_size;

        *upload_size = 0;
        return body_add(request, upload, length);
    }
    return whole(request);
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
    allow_ms(request, door->server->limits.idle_ms);
    handler->on_end(handler->context, request,
                    how == MHD_REQUEST_TERMINATED_COMPLETED_OK ? request->code : 0);
    request_free(request);
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
                                               clock_ms() + server->limits.request_ms);
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

static size_t options_fill(const HttpServer *server, const HttpCertificate *certificate, int fd,
                           struct MHD_OptionItem ret_options[OPTIONS_MAX])
{
    const HttpLimits *limits = &server->limits;
    const int64_t silence_ms = max_i64(limits->request_ms, limits->idle_ms);
    const struct MHD_OptionItem items[] = {
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, limits->connections, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, limits->connections_per_source, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, seconds_up(silence_ms), NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MEMORY, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL},
        {MHD_OPTION_THREAD_POOL_SIZE, limits->threads > 1 ? limits->threads : 0, NULL},
    };
    size_t count = ARRAY_SIZE(items);

    memcpy(ret_options, items, sizeof items);
    if (certificate->certificate != NULL) {
        /* The library only reads what it takes as plain pointers. */
        ret_options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0,
                                                       (void *)(uintptr_t)certificate->certificate};
        ret_options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0,
                                                       (void *)(uintptr_t)certificate->key};
        ret_options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                                       (void *)(uintptr_t)tls_priorities};
    }
    ret_options[count++] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return count;
}

static int door_open(HttpServer *server, const HttpCertificate *certificate, Door **ret_door,
                     Error *reterr)
{
    struct MHD_OptionItem options[OPTIONS_MAX];
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    Door *door = xcalloc(1, sizeof *door);

    door->server = server;
    door->fd = fcntl(server->listen_fd, F_DUPFD_CLOEXEC, 0);
    assert(door->fd >= 0);
    (void)options_fill(server, certificate, door->fd, options);
    if (certificate->certificate != NULL)
        flags |= MHD_USE_TLS;
    door->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, on_access, door, MHD_OPTION_ARRAY, options,
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, door,
                         MHD_OPTION_NOTIFY_CONNECTION, on_connection, door, MHD_OPTION_END);
    if (door->daemon == NULL) {
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

int http_server_new(const char *flag, const char *listen, const HttpLimits *limits,
                    const HttpHandler *handler, HttpServer **ret_server, Error *reterr)
{
    int fd = -1;

    if (listen_socket_open(flag, listen, &fd, reterr) < 0)
        return -1;
    HttpServer *server = xcalloc(1, sizeof *server);
    server->limits = *limits;
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

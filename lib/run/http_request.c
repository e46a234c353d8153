#include <netdb.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>

#include "alloc.h"
#include "clock.h"
#include "http_door.h"

enum {
    DISCARD_BODIES = 16,        /* that many times the limit is read and dropped, to answer 413 */
    HEAD_BYTES_MAX = 64 * 1024, /* more than the library takes in */
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

typedef struct HeaderList {
    const char *name;
    Text values;
} HeaderList;

static enum MHD_Result add_value(void *context, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    HeaderList *list = context;

    (void)kind;
    if (value != NULL && strcasecmp(name, list->name) == 0)
        text_addf(&list->values, "%s%s", list->values.length > 0 ? "," : "", value);
    return MHD_YES;
}

char *http_request_header_list(const HttpRequest *request, const char *name)
{
    HeaderList list = {.name = name, .values = TEXT_MAX(HEAD_BYTES_MAX)};

    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, add_value, &list);
    return list.values.length > 0 ? text_take(&list.values) : NULL;
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

void http_request_allow(const HttpRequest *request, int64_t ms)
{
    http_connections_allow(&request->door->server->connections, request->timer,
                           ms == INT64_MAX ? ms : clock_ms() + ms);
}

enum MHD_Result http_request_send(HttpRequest *request, HttpAnswer *answer)
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
    http_request_allow(request, request->door->server->settings.request_ms);
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

enum MHD_Result http_request_whole(HttpRequest *request)
{
    HttpServer *server = request->door->server;
    const HttpHandler *handler = &server->handler;
    HttpAnswer answer = {0};

    if (request->answered) /* suspended until now, so that nobody else can touch it */
        return http_request_send(request, &request->answer);
    http_request_allow(request, INT64_MAX);
    atomic_fetch_add(&server->owed, 1);
    if (!handler->on_request(handler->context, request, &answer)) {
        sleep_until_answered(request);
        return MHD_YES;
    }
    atomic_fetch_sub(&server->owed, 1);
    return http_request_send(request, &answer);
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

HttpRequest *http_request_new(Door *door, struct MHD_Connection *connection)
{
    HttpRequest *request = xcalloc(1, sizeof *request);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    assert(info != NULL && info->socket_context != NULL);
    request->door = door;
    request->connection = connection;
    request->timer = info->socket_context;
    request->body = TEXT_MAX((size_t)door->server->settings.body_bytes);
    (void)pthread_mutex_init(&request->lock, NULL);
    peer_read(request);
    atomic_fetch_add(&door->server->requests, 1);
    return request;
}

void http_request_free(HttpRequest *request)
{
    atomic_fetch_sub(&request->door->server->requests, 1);
    http_answer_done(&request->answer);
    text_done(&request->body);
    (void)pthread_mutex_destroy(&request->lock);
    free(request);
}

/* A body that is too large is read on for a while, since a client that is still sending would not
 * see the answer. */
enum MHD_Result http_request_add_body(HttpRequest *request, const char *bytes, size_t length)
{
    size_t limit = (size_t)request->door->server->settings.body_bytes;

    if (request->body.full)
        request->discarded += length;
    else
        text_add_bytes(&request->body, bytes, length);
    return request->discarded <= limit * DISCARD_BODIES ? MHD_YES : MHD_NO;
}

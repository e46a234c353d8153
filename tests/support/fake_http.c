#include "fake_http.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "text.h"

enum { REQUESTS_MAX = 64, CONNECTIONS_MAX = 64, REQUEST_BYTES_MAX = 1 << 20 };

struct FakeHttp {
    const FakeReply *replies;
    size_t count;
    char url[64];
    int listener;
    int done;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    char *requests[REQUESTS_MAX];
    size_t request_count;
    int connections[CONNECTIONS_MAX];
    pthread_t threads[CONNECTIONS_MAX];
    size_t connection_count;
};

typedef struct Connection {
    FakeHttp *server;
    int fd;
} Connection;

static size_t body_length(const char *head)
{
    const char *header = strcasestr(head, "\r\nContent-Length:");

    return header == NULL ? 0 : strtoul(header + strlen("\r\nContent-Length:"), NULL, 10);
}

/* One whole request; false when the client left. */
static bool read_request(int fd, Text *request)
{
    char bytes[4096];

    while (!request->full) {
        const char *end = strstr(text_get(request), "\r\n\r\n");

        if (end != NULL &&
            request->length >= (size_t)(end + 4 - request->at) + body_length(request->at))
            return true;
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got <= 0)
            return false;
        text_add_bytes(request, bytes, (size_t)got);
    }
    return false;
}

/* Notes REQUEST; the reply to it, or NULL after the last. */
static const FakeReply *take_reply(FakeHttp *server, Text *request)
{
    const FakeReply *reply = NULL;

    (void)pthread_mutex_lock(&server->lock);
    if (server->request_count < server->count)
        reply = &server->replies[server->request_count];
    if (server->request_count < REQUESTS_MAX)
        server->requests[server->request_count++] = text_take(request);
    (void)pthread_mutex_unlock(&server->lock);
    return reply;
}

static bool send_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

static bool send_reply(int fd, const FakeReply *reply)
{
    DEFER(text_done) Text head = TEXT_MAX(8192);
    const char *body = reply->body != NULL ? reply->body : "";
    size_t length = reply->length > 0 ? reply->length : strlen(body);

    text_addf(&head, "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%s",
              reply->status != NULL ? reply->status : "200 OK",
              reply->headers != NULL ? reply->headers : "");
    if (reply->end == FAKE_WHOLE)
        text_addf(&head, "Content-Length: %zu\r\n\r\n", length);
    else
        text_addf(&head, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", length);
    return send_all(fd, head.at, head.length) && send_all(fd, body, length) &&
           (reply->end == FAKE_WHOLE || length == 0 || send_all(fd, "\r\n", 2));
}

static void wait_for_the_client(int fd)
{
    char byte;

    while (recv(fd, &byte, 1, 0) > 0)
        continue;
}

/* False when the connection is over. */
static bool serve_one(FakeHttp *server, int fd)
{
    DEFER(text_done) Text request = TEXT_MAX(REQUEST_BYTES_MAX);

    if (!read_request(fd, &request))
        return false;
    const FakeReply *reply = take_reply(server, &request);
    if (reply == NULL) {
        (void)eventfd_write(server->done, 1);
        wait_for_the_client(fd);
        return false;
    }
    if (reply->end == FAKE_NOTHING)
        return false;
    bool sent = send_reply(fd, reply);
    if (reply->end == FAKE_OPEN)
        wait_for_the_client(fd);
    return sent && reply->end == FAKE_WHOLE;
}

static void *serve(void *context)
{
    Connection *connection = context;

    while (serve_one(connection->server, connection->fd))
        continue;
    (void)shutdown(connection->fd, SHUT_RDWR);
    (void)close(connection->fd);
    free(connection);
    return NULL;
}

static void *accept_all(void *context)
{
    FakeHttp *server = context;
    int fd;

    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        Connection *connection = xcalloc(1, sizeof *connection);

        *connection = (Connection){server, fd};
        (void)pthread_mutex_lock(&server->lock);
        assert(server->connection_count < CONNECTIONS_MAX);
        size_t i = server->connection_count++;
        server->connections[i] = dup(fd);
        (void)pthread_create(&server->threads[i], NULL, serve, connection);
        (void)pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

FakeHttp *fake_http_start(const FakeReply *replies, size_t count)
{
    FakeHttp *server = xcalloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    server->replies = replies;
    server->count = count;
    server->done = eventfd(0, EFD_CLOEXEC);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)pthread_mutex_init(&server->lock, NULL);
    if (bind(server->listener, (struct sockaddr *)&address, length) < 0 ||
        listen(server->listener, 16) < 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &length) < 0)
        abort();
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    (void)pthread_create(&server->thread, NULL, accept_all, server);
    return server;
}

void fake_http_stop(FakeHttp *server)
{
    (void)shutdown(server->listener, SHUT_RDWR);
    (void)pthread_join(server->thread, NULL);
    for (size_t i = 0; i < server->connection_count; i++) {
        (void)shutdown(server->connections[i], SHUT_RDWR);
        (void)pthread_join(server->threads[i], NULL);
        (void)close(server->connections[i]);
    }
    for (size_t i = 0; i < server->request_count; i++)
        free(server->requests[i]);
    (void)close(server->listener);
    (void)close(server->done);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *fake_http_url(const FakeHttp *server)
{
    return server->url;
}

int fake_http_done_fd(const FakeHttp *server)
{
    return server->done;
}

size_t fake_http_requests(FakeHttp *server)
{
    (void)pthread_mutex_lock(&server->lock);
    size_t count = server->request_count;
    (void)pthread_mutex_unlock(&server->lock);
    return count;
}

size_t fake_http_connections(FakeHttp *server)
{
    (void)pthread_mutex_lock(&server->lock);
    size_t count = server->connection_count;
    (void)pthread_mutex_unlock(&server->lock);
    return count;
}

const char *fake_http_request(FakeHttp *server, size_t i)
{
    (void)pthread_mutex_lock(&server->lock);
    const char *request = i < server->request_count ? server->requests[i] : "";
    (void)pthread_mutex_unlock(&server->lock);
    return request;
}

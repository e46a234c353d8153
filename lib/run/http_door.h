/* What http_server.c and http_request.c share, and nobody else sees. */
#ifndef HTTP_DOOR_H
#define HTTP_DOOR_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http_connections.h"
#include "http_server.h"

enum { HTTP_PEER_SIZE = 48 };

/* One libmicrohttpd server. There are two while clients of an older certificate are still here. */
typedef struct Door {
    HttpServer *server;
    struct MHD_Daemon *daemon;
    int fd; /* its own copy of the listening socket */
    atomic_bool closing;
    atomic_size_t connections;
} Door;

struct HttpServer {
    HttpSettings settings;
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
    char peer[HTTP_PEER_SIZE];
    Text body;
    size_t discarded;
    void *data;
    unsigned code; /* of the answer that was queued */

    pthread_mutex_t lock; /* guards the three below */
    bool suspended;
    bool answered;
    HttpAnswer answer;
};

/* From now on the request, or what its connection does next, has MS; INT64_MAX: as long as it
 * takes. */
void http_request_allow(const HttpRequest *request, int64_t ms);

HttpRequest *http_request_new(Door *door, struct MHD_Connection *connection)
    __attribute__((__returns_nonnull__));
void http_request_free(HttpRequest *request);

/* Each says what libmicrohttpd is to do. */
enum MHD_Result http_request_send(HttpRequest *request, HttpAnswer *answer);
enum MHD_Result http_request_add_body(HttpRequest *request, const char *bytes, size_t length);
enum MHD_Result http_request_whole(HttpRequest *request);

#endif

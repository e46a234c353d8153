/* The open connections of an HTTP server, each with the moment until which it has time.
 *
 * libmicrohttpd knows only how long a connection was silent, so that a client which sends a byte
 * now and then could keep one for ever. For http_server.c. */
#ifndef HTTP_CONNECTIONS_H
#define HTTP_CONNECTIONS_H

#include <pthread.h>

#include "base.h"

typedef struct HttpConnection {
    int fd;
    int64_t deadline_ms; /* INT64_MAX: none */
    struct HttpConnection *next;
    struct HttpConnection *previous;
} HttpConnection;

typedef struct HttpConnections {
    pthread_mutex_t lock; /* guards all below, and the deadlines */
    HttpConnection *first;
    size_t count;
} HttpConnections;

void http_connections_init(HttpConnections *all);

/* None may be left. */
void http_connections_done(HttpConnections *all);

/* FD is borrowed until http_connections_remove(), which must come before it is closed. */
HttpConnection *http_connections_add(HttpConnections *all, int fd, int64_t deadline_ms)
    __attribute__((__returns_nonnull__));
void http_connections_remove(HttpConnections *all, HttpConnection *connection);
void http_connections_allow(HttpConnections *all, HttpConnection *connection, int64_t deadline_ms);

/* Shuts those down whose time is over; their owner then finds them at their end. */
void http_connections_reap(HttpConnections *all, int64_t now_ms);
size_t http_connections_count(HttpConnections *all);

#endif

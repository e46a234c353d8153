#include "http_connections.h"

#include <sys/socket.h>

#include "alloc.h"

void http_connections_init(HttpConnections *all)
{
    *all = (HttpConnections){0};
    (void)pthread_mutex_init(&all->lock, NULL);
}

void http_connections_done(HttpConnections *all)
{
    assert(all->first == NULL);
    (void)pthread_mutex_destroy(&all->lock);
}

HttpConnection *http_connections_add(HttpConnections *all, int fd, int64_t deadline_ms)
{
    HttpConnection *connection = xcalloc(1, sizeof *connection);

    connection->fd = fd;
    connection->deadline_ms = deadline_ms;
    (void)pthread_mutex_lock(&all->lock);
    connection->next = all->first;
    if (all->first != NULL)
        all->first->previous = connection;
    all->first = connection;
    all->count++;
    (void)pthread_mutex_unlock(&all->lock);
    return connection;
}

void http_connections_remove(HttpConnections *all, HttpConnection *connection)
{
    (void)pthread_mutex_lock(&all->lock);
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        all->first = connection->next;
    all->count--;
    (void)pthread_mutex_unlock(&all->lock);
    free(connection);
}

void http_connections_allow(HttpConnections *all, HttpConnection *connection, int64_t deadline_ms)
{
    (void)pthread_mutex_lock(&all->lock);
    connection->deadline_ms = deadline_ms;
    (void)pthread_mutex_unlock(&all->lock);
}

void http_connections_reap(HttpConnections *all, int64_t now_ms)
{
    (void)pthread_mutex_lock(&all->lock);
    for (HttpConnection *at = all->first; at != NULL; at = at->next) {
        if (at->deadline_ms > now_ms)
            continue;
        (void)shutdown(at->fd, SHUT_RDWR);
        at->deadline_ms = INT64_MAX; /* once is enough */
    }
    (void)pthread_mutex_unlock(&all->lock);
}

size_t http_connections_count(HttpConnections *all)
{
    (void)pthread_mutex_lock(&all->lock);
    size_t count = all->count;
    (void)pthread_mutex_unlock(&all->lock);
    return count;
}

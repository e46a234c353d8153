/* /livez, /readyz and /metrics on one port, answered by libmicrohttpd's own thread. */
#ifndef HEALTH_SERVER_H
#define HEALTH_SERVER_H

#include "base.h"
#include "error.h"

/* Returns NULL when all is well, else the sentence to show (static or owned by CONTEXT). */
typedef const char *HealthFn(void *context);

typedef struct HealthChecks {
    HealthFn *alive;
    HealthFn *ready;
    void (*measure)(void *context); /* sets what only the moment knows, before /metrics; or NULL */
    void *context;
} HealthChecks;

typedef struct HealthServer HealthServer;

/* LISTEN is "host:port", "[::1]:port", or ":port" for every address; port 0 takes a free one.
 * ERROR_INVALID when it cannot be had. */
int health_server_start(const char *listen, const HealthChecks *checks, HealthServer **ret_server,
                        Error *reterr) MUST_CHECK;
void health_server_stop(HealthServer *server);

/* The port it got. */
uint16_t health_server_port(const HealthServer *server);

#endif

/* For LD_PRELOAD: ends a relay at one of its changes of state, or lets that one fail. The relay
 * itself knows nothing of it.
 *
 * Counted are the calls of libpq and nats.c by the thread that fetches, from its first fetch on:
 * each statement and each result, each publish, flush and answer. After the batch's COMMIT the next
 * look for work ends the relay in any case.
 *
 *   FAILPOINT_AT     which call, as the trace names it: "send COMMIT", "publish", "answer"
 *   FAILPOINT_NTH    which of those
 *   FAILPOINT_HOW    kill: SIGKILL after the call; fail: an error instead of it; deny: an error
 * after it FAILPOINT_TRACE  a file that gets a line for each call */
#include <fcntl.h>
#include <libpq-fe.h>
#include <nats/nats.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload.h"

enum { IDLE_LOOKS = 12 };

static struct {
    const char *at;
    long left; /* calls of that name until it is the one */
    bool fail;
    bool deny;
    int idle; /* looks for work since there was any */
    int trace;
} points;

static _Thread_local bool counted; /* this thread is the one */

__attribute__((constructor)) static void points_init(void)
{
    const char *at = getenv("FAILPOINT_AT");
    const char *nth = getenv("FAILPOINT_NTH");
    const char *how = getenv("FAILPOINT_HOW");
    const char *trace = getenv("FAILPOINT_TRACE");

    points.at = at != NULL ? at : "";
    points.left = nth != NULL ? strtol(nth, NULL, 10) : 0;
    points.fail = how != NULL && strcmp(how, "fail") == 0;
    points.deny = how != NULL && strcmp(how, "deny") == 0;
    points.trace =
        trace != NULL ? open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
}

static void end_now(void)
{
    (void)raise(SIGKILL);
}

/* One change of state; true if it is the one. */
static bool point(const char *what, const char *name)
{
    char text[96];

    if (strcmp(what, "publish") == 0 || strcmp(what, "answer") == 0)
        points.idle = 0;
    if (!counted || points.idle > 1)
        return false;
    (void)snprintf(text, sizeof text, "%s%s%.60s", what, name[0] != '\0' ? " " : "", name);
    if (points.trace >= 0)
        (void)dprintf(points.trace, "%s\n", text);
    return strcmp(text, points.at) == 0 && --points.left == 0;
}

/* True if the call is to fail instead. */
static bool before(bool here)
{
    return here && points.fail;
}

/* True if the caller is to be told that the call failed. */
static bool after(bool here)
{
    if (here && !points.fail && !points.deny)
        end_now();
    return here && points.deny;
}

/* The libraries prescribe what follows.
 * NOLINTBEGIN(readability-function-size,readability-inconsistent-declaration-parameter-name) */

int PQsendQueryPrepared(PGconn *conn, const char *name, int count, const char *const *values,
                        const int *lengths, const int *formats, int format)
{
    NEXT(PQsendQueryPrepared);
    if (strcmp(name, "lanes") == 0) {
        counted = true;
        points.idle = 0;
    }
    if (counted && strcmp(name, "discover") == 0 && ++points.idle > IDLE_LOOKS)
        end_now();
    bool here = point("send", name);

    if (before(here))
        return 0;
    int sent = real(conn, name, count, values, lengths, formats, format);
    return after(here) ? 0 : sent;
}

int PQsendQueryParams(PGconn *conn, const char *sql, int count, const Oid *types,
                      const char *const *values, const int *lengths, const int *formats, int format)
{
    NEXT(PQsendQueryParams);
    bool here = point("send", sql);

    if (before(here))
        return 0;
    int sent = real(conn, sql, count, types, values, lengths, formats, format);
    return after(here) ? 0 : sent;
}

int PQpipelineSync(PGconn *conn)
{
    NEXT(PQpipelineSync);
    bool here = point("sync", "");

    if (before(here))
        return 0;
    int sent = real(conn);
    return after(here) ? 0 : sent;
}

PGresult *PQgetResult(PGconn *conn)
{
    NEXT(PQgetResult);
    PGresult *result = real(conn);

    if (result == NULL)
        return NULL;
    bool here = point("result", "");

    /* It has come, whether we like it or not. */
    if (!after(here) && !before(here))
        return result;
    void (*clear)(PGresult *);
    void *symbol = next("PQclear");
    memcpy(&clear, &symbol, sizeof clear);
    clear(result);
    return NULL;
}

natsStatus natsConnection_PublishMsg(natsConnection *nc, natsMsg *msg)
{
    NEXT(natsConnection_PublishMsg);
    bool here = point("publish", "");

    if (before(here))
        return NATS_CONNECTION_CLOSED;
    natsStatus status = real(nc, msg);
    return after(here) ? NATS_CONNECTION_CLOSED : status;
}

natsStatus natsConnection_FlushTimeout(natsConnection *nc, int64_t timeout)
{
    NEXT(natsConnection_FlushTimeout);
    bool here = point("flush", "");

    if (before(here))
        return NATS_TIMEOUT;
    natsStatus status = real(nc, timeout);
    return after(here) ? NATS_TIMEOUT : status;
}

natsStatus natsSubscription_NextMsg(natsMsg **ret_msg, natsSubscription *sub, int64_t timeout)
{
    NEXT(natsSubscription_NextMsg);
    natsStatus status = real(ret_msg, sub, timeout);

    if (status != NATS_OK)
        return status;
    bool here = point("answer", "");

    if (!after(here) && !before(here))
        return status;
    void (*destroy)(natsMsg *);
    void *symbol = next("natsMsg_Destroy");
    memcpy(&destroy, &symbol, sizeof destroy);
    destroy(*ret_msg);
    *ret_msg = NULL;
    return NATS_TIMEOUT;
}

/* NOLINTEND(readability-function-size,readability-inconsistent-declaration-parameter-name) */

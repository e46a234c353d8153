#include "session.h"

#include "inspect.h"
#include "stop.h"

static bool go_on(void *context)
{
    (void)context;
    return !stop_requested();
}

int session_open(Session *session, const OutboxSettings *settings, Error *reterr)
{
    const PostgresWaiter waiter = {.go_on = go_on};

    *session = (Session){0};
    if (mapping_parse(&settings->names, &session->mapping, reterr) < 0 ||
        postgres_new(settings->database_url, &waiter, &session->postgres, reterr) < 0)
        return -1;
    if (postgres_open(session->postgres, true, reterr) < 0)
        return -1;
    if (inspect_outbox(session->postgres, &session->mapping, reterr) == 0)
        return 0;
    if (reterr->kind == ERROR_INVALID) /* no wrong usage */
        reterr->kind = ERROR_NOT_FOUND;
    return -1;
}

void session_done(Session *session)
{
    postgres_free(session->postgres);
    session->postgres = NULL;
}

int session_ended(int r, Error *reterr)
{
    if (r < 0 && stop_requested())
        return error_set(reterr, ERROR_BUSY, "stopped; the rows that are left stay as they are");
    return r;
}

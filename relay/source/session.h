/* A connection to the outbox for a command that people call: opened, looked at, used, closed. */
#ifndef SESSION_H
#define SESSION_H

#include "mapping.h"
#include "outbox.h"

typedef struct Session {
    Postgres *postgres;
    Mapping mapping;
} Session;

/* ERROR_INVALID for settings that can never work; another kind for what the database says. A stop
 * ends what is waited for. */
int session_open(Session *session, const OutboxSettings *settings, Error *reterr) MUST_CHECK;
void session_done(Session *session);

/* R as a command ends with it: after a stop an error says so, and not what the stop cut off. */
int session_ended(int r, Error *reterr) MUST_CHECK;

#endif

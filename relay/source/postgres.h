/* One connection to PostgreSQL: opening it, statements in a pipeline, and what its errors mean.
 *
 * Nothing here blocks for longer than its time limit, and while it waits it calls the waiter, so
 * that a loop stays alive and can be stopped. */
#ifndef POSTGRES_H
#define POSTGRES_H

#include <libpq-fe.h>

#include "base.h"
#include "error.h"
#include "params.h"

DEFINE_DEFER(PGresult *, defer_result, PQclear)

/* Called at least every tenth of a second while something is waited for; false ends the wait. */
typedef bool PostgresWaitFn(void *context);

typedef struct PostgresWaiter {
    PostgresWaitFn *go_on;
    void *context;
} PostgresWaiter;

typedef struct Postgres Postgres;

/* URL is a connection string of libpq (PG* variables and .pgpass work as everywhere).
 * ERROR_INVALID if it is none. Connects nothing yet. */
int postgres_new(const char *url, const PostgresWaiter *waiter, Postgres **ret_postgres,
                 Error *reterr) MUST_CHECK;
void postgres_free(Postgres *self);
DEFINE_DEFER(Postgres *, defer_postgres, postgres_free)

/* Opens it, with the limits that a relay needs (LIMITED) or the server's own (migrations).
 * ERROR_BUSY when no server answers or none takes writes, ERROR_DENIED for a wrong password or a
 * missing right, ERROR_NOT_FOUND for an unknown database, ERROR_UNSUPPORTED below PostgreSQL 13. */
int postgres_open(Postgres *self, bool limited, Error *reterr) MUST_CHECK;
void postgres_close(Postgres *self);

bool postgres_is_open(const Postgres *self);

/* True if a pooler stands between, which may give each transaction another session. Found out when
 * it is opened with limits; then statements are not kept prepared, and the limits are set in each
 * transaction. */
bool postgres_is_pooled(const Postgres *self);

/* Host and port of the server, for log lines. */
void postgres_where(const Postgres *self, char *ret_text, size_t size);

/* Runs SQL, which may be several statements, and forgets what it returns. Not in a pipeline. */
int postgres_run(Postgres *self, const char *sql, Error *reterr) MUST_CHECK;

/* Runs one statement and hands out its rows, as text. Not in a pipeline. */
int postgres_ask(Postgres *self, const char *sql, PGresult **ret_result, Error *reterr) MUST_CHECK;

/* Prepares a statement under NAME, which must outlive the connection. Not in a pipeline. */
int postgres_prepare(Postgres *self, const char *name, const char *sql, Error *reterr) MUST_CHECK;

/* Statements that go out together, in a pipeline, and succeed or fail together. Several parts can
 * be on their way at once; their results are read in the same order. */
typedef struct Part {
    Postgres *postgres;
    size_t statements; /* whose results are still to be read */
    bool limits;       /* ... and before them that of the limits */
} Part;

/* To be called first for a part that begins a transaction: it gets the session's limits where the
 * session is a pooler's. */
int part_begin(Part *part, Error *reterr) MUST_CHECK;

/* Queues a prepared statement (PARAMS may be NULL), or SQL without parameters. */
int part_add(Part *part, const char *name, const Params *params, Error *reterr) MUST_CHECK;
int part_add_sql(Part *part, const char *sql, Error *reterr) MUST_CHECK;

/* Ends the part and sends it. */
int part_send(Part *part, Error *reterr) MUST_CHECK;

/* The result of the part's next statement. After an error close the connection: that ends its
 * transaction and drops what else is on its way. */
int part_result(Part *part, PGresult **ret_result, Error *reterr) MUST_CHECK;

/* Reads what is left of the part, and its end. */
int part_end(Part *part, Error *reterr) MUST_CHECK;

#endif

#include "postgres.h"

#include <poll.h>

#include "alloc.h"
#include "clock.h"
#include "postgres_error.h"
#include "postgres_start.h"

enum {
    OPEN_TIMEOUT_MS = 30 * 1000,
    ANSWER_TIMEOUT_MS = 15 * 1000, /* more than statement_timeout: then the network is to blame */
    TURN_MS = 100,
    VERSION_MIN = 130000,
    STATEMENTS_MAX = 32,
};

/* What a relay's session needs, before what the connection string says: a transaction that hangs
 * holds its locks for ten seconds at most, and the planner takes the indexes, whatever ANALYZE
 * thought of a table that was empty just then. The last is a mark that they arrived. */
static const char relay_options[] =
    "-c idle_in_transaction_session_timeout=10s -c statement_timeout=5s -c lock_timeout=2s "
    "-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off "
    "-c default_transaction_isolation=read\\ committed -c bulkhead.session=own";

#define SQL_OWN "SELECT current_setting('bulkhead.session', true) IS NOT DISTINCT FROM 'own'"

/* The same for one transaction, where a pooler lends the session. */
#define SQL_LIMITS                                                                                 \
    "SELECT set_config('idle_in_transaction_session_timeout', '10s', true),"                       \
    " set_config('statement_timeout', '5s', true), set_config('lock_timeout', '2s', true),"        \
    " set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)"

/* A statement, for connections that cannot keep it prepared. */
typedef struct Kept {
    const char *name;
    char *sql;
} Kept;

struct Postgres {
    char *url;
    PostgresWaiter waiter;
    PGconn *conn; /* NULL: not open */
    bool unlimited;
    bool pooled; /* each transaction may get another session */
    Kept kept[STATEMENTS_MAX];
    size_t kept_count;
};

DEFINE_DEFER(PQconninfoOption *, defer_conninfo, PQconninfoFree)

int postgres_new(const char *url, const PostgresWaiter *waiter, Postgres **ret_postgres,
                 Error *reterr)
{
    char *why = NULL;
    DEFER(defer_conninfo) PQconninfoOption *options = PQconninfoParse(url, &why);

    PQfreemem(why); /* it may quote a password */
    if (options == NULL)
        return error_set(reterr, ERROR_INVALID,
                         "--database-url: not a connection string; want "
                         "postgresql://user@host:5432/database or \"host=... dbname=...\"");
    Postgres *self = xcalloc(1, sizeof *self);
    self->url = xstrdup(url);
    if (waiter != NULL)
        self->waiter = *waiter;
    *ret_postgres = self;
    return 0;
}

void postgres_close(Postgres *self)
{
    for (size_t i = 0; i < self->kept_count; i++)
        free(self->kept[i].sql);
    self->kept_count = 0;
    PQfinish(self->conn);
    self->conn = NULL;
}

void postgres_free(Postgres *self)
{
    if (self == NULL)
        return;
    postgres_close(self);
    free(self->url);
    free(self);
}

bool postgres_is_open(const Postgres *self)
{
    return self->conn != NULL;
}

bool postgres_is_pooled(const Postgres *self)
{
    return self->pooled;
}

void postgres_where(const Postgres *self, char *ret_text, size_t size)
{
    const char *host = self->conn != NULL ? PQhost(self->conn) : NULL;
    const char *port = self->conn != NULL ? PQport(self->conn) : NULL;
    const char *database = self->conn != NULL ? PQdb(self->conn) : NULL;

    (void)snprintf(ret_text, size, "%s:%s/%s", host != NULL ? host : "", port != NULL ? port : "",
                   database != NULL ? database : "");
}

/* Waits for EVENTS on the socket; false when the time is up or the waiter says so. */
static bool wait_socket(const Postgres *self, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - clock_ms();
        struct pollfd one = {.fd = PQsocket(self->conn), .events = events};

        if (left <= 0 || one.fd < 0)
            return false;
        if (self->waiter.go_on != NULL && !self->waiter.go_on(self->waiter.context))
            return false;
        if (poll(&one, 1, (int)min_i64(left, TURN_MS)) > 0)
            return true;
    }
}

static bool poll_open(const Postgres *self)
{
    int64_t deadline = clock_ms() + OPEN_TIMEOUT_MS;
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;

    while (next != PGRES_POLLING_OK) {
        if (next == PGRES_POLLING_FAILED)
            return false;
        if (!wait_socket(self, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
            return false;
        next = PQconnectPoll(self->conn);
    }
    return true;
}

static void ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

static int open_failed(Postgres *self, Error *reterr)
{
    ErrorKind kind = postgres_refusal_kind(PQerrorMessage(self->conn));

    (void)postgres_conn_failed(self->conn, kind, reterr);
    if (PQerrorMessage(self->conn)[0] == '\0')
        (void)error_set(reterr, ERROR_BUSY, "PostgreSQL does not answer");
    postgres_close(self);
    return error_wrap(reterr, "PostgreSQL");
}

static int connect_once(Postgres *self, Error *reterr)
{
    self->conn = postgres_start(self->url, self->unlimited || self->pooled ? "" : relay_options);
    if (self->conn == NULL)
        return error_set(reterr, ERROR_BUSY, "PostgreSQL: no memory for a connection");
    return PQstatus(self->conn) == CONNECTION_BAD || !poll_open(self) ? -1 : 0;
}

/* With the session's options; without them where a pooler does not take them. */
static int connect_to(Postgres *self, Error *reterr)
{
    self->pooled = false;
    if (connect_once(self, reterr) == 0)
        return 0;
    if (self->conn == NULL)
        return -1;
    if (!self->unlimited && postgres_refuses_options(PQerrorMessage(self->conn))) {
        postgres_close(self);
        self->pooled = true;
        if (connect_once(self, reterr) == 0)
            return 0;
    }
    return self->conn != NULL ? open_failed(self, reterr) : -1;
}

/* A pooler may take the options and forget them. */
static int find_pooler(Postgres *self, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    if (self->unlimited || self->pooled)
        return 0;
    if (postgres_ask(self, SQL_OWN, &result, reterr) < 0)
        return -1;
    self->pooled = !text_eq(PQgetvalue(result, 0, 0), "t");
    return 0;
}

int postgres_open(Postgres *self, bool limited, Error *reterr)
{
    assert(self->conn == NULL);
    self->unlimited = !limited;
    if (connect_to(self, reterr) < 0)
        return -1;

    int version = PQserverVersion(self->conn);
    if (version < VERSION_MIN) {
        postgres_close(self);
        return error_set(reterr, ERROR_UNSUPPORTED,
                         "PostgreSQL %d is too old: 13 is the oldest that works", version / 10000);
    }
    (void)PQsetNoticeProcessor(self->conn, ignore_notice, NULL);
    (void)PQsetnonblocking(self->conn, 1);
    return find_pooler(self, reterr);
}

static int broken(Postgres *self, Error *reterr)
{
    (void)postgres_conn_failed(self->conn, ERROR_BUSY, reterr);
    postgres_close(self);
    return error_wrap(reterr, "PostgreSQL");
}

static int silent(Postgres *self, Error *reterr)
{
    postgres_close(self);
    return error_set(reterr, ERROR_BUSY,
                     "PostgreSQL: no answer in time; the connection is given up");
}

/* Sends what is queued, reading meanwhile, so that neither side waits for the other. */
static int flush(Postgres *self, int64_t deadline, Error *reterr)
{
    for (;;) {
        int left = PQflush(self->conn);

        if (left == 0)
            return 0;
        if (left < 0 || PQconsumeInput(self->conn) == 0)
            return broken(self, reterr);
        if (!wait_socket(self, POLLIN | POLLOUT, deadline))
            return silent(self, reterr);
    }
}

static int64_t answer_deadline(const Postgres *self)
{
    return clock_ms() + (self->unlimited ? INT32_MAX : ANSWER_TIMEOUT_MS);
}

/* The next result, NULL at the end of a statement. */
static int next_result(Postgres *self, PGresult **ret_result, Error *reterr)
{
    int64_t deadline = answer_deadline(self);

    if (flush(self, deadline, reterr) < 0)
        return -1;
    while (PQisBusy(self->conn) != 0) {
        if (!wait_socket(self, POLLIN, deadline))
            return silent(self, reterr);
        if (PQconsumeInput(self->conn) == 0)
            return broken(self, reterr);
    }
    *ret_result = PQgetResult(self->conn);
    return 0;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static void result_replace(PGresult **slot, PGresult *result)
{
    PQclear(*slot);
    *slot = result;
}

/* Reads all results outside a pipeline; the first failure is the one that counts. The last good
 * one goes to *RET_RESULT, which may be NULL. */
static int finish(Postgres *self, PGresult **ret_result, Error *reterr)
{
    bool failed = false;

    for (;;) {
        DEFER(defer_result) PGresult *result = NULL;

        if (next_result(self, &result, reterr) < 0)
            return -1;
        if (result == NULL)
            break;
        if (!is_good(result) && !failed)
            failed = postgres_result_failed(result, reterr) < 0;
        if (ret_result != NULL && !failed)
            result_replace(ret_result, TAKE(result));
    }
    if (failed && PQstatus(self->conn) == CONNECTION_BAD)
        postgres_close(self);
    return failed ? -1 : 0;
}

static int not_open(Error *reterr)
{
    return error_set(reterr, ERROR_BUSY, "PostgreSQL: not connected");
}

int postgres_run(Postgres *self, const char *sql, Error *reterr)
{
    if (self->conn == NULL)
        return not_open(reterr);
    if (PQsendQuery(self->conn, sql) == 0)
        return broken(self, reterr);
    return finish(self, NULL, reterr);
}

int postgres_ask(Postgres *self, const char *sql, PGresult **ret_result, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;
    DEFER(defer_free) char *limited = NULL;

    if (self->conn == NULL)
        return not_open(reterr);
    if (self->pooled)
        limited = xasprintf(SQL_LIMITS "; %s", sql);
    if (PQsendQuery(self->conn, limited != NULL ? limited : sql) == 0)
        return broken(self, reterr);
    if (finish(self, &result, reterr) < 0)
        return -1;
    *ret_result = TAKE(result);
    return 0;
}

/* A session that is lent forgets what it prepared: then this only tries whether it could be. */
int postgres_prepare(Postgres *self, const char *name, const char *sql, Error *reterr)
{
    if (self->conn == NULL)
        return not_open(reterr);
    if (PQsendPrepare(self->conn, self->pooled ? "" : name, sql, 0, NULL) == 0)
        return broken(self, reterr);
    if (finish(self, NULL, reterr) < 0)
        return -1;
    assert(self->kept_count < STATEMENTS_MAX);
    if (self->pooled)
        self->kept[self->kept_count++] = (Kept){.name = name, .sql = xstrdup(sql)};
    return 0;
}

static const char *kept_sql(const Postgres *self, const char *name)
{
    size_t i = 0;

    while (i < self->kept_count && !text_eq(self->kept[i].name, name))
        i++;
    assert(i < self->kept_count);
    return self->kept[i].sql;
}

static bool enter_pipeline(Postgres *self)
{
    return PQpipelineStatus(self->conn) != PQ_PIPELINE_OFF || PQenterPipelineMode(self->conn) == 1;
}

int part_add(Part *part, const char *name, const Params *params, Error *reterr)
{
    Postgres *self = part->postgres;
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX];
    int formats[PARAMS_MAX];
    size_t count = params != NULL ? params->count : 0;

    if (self->conn == NULL)
        return not_open(reterr);
    for (size_t i = 0; i < count; i++) {
        assert(!params->bytes[i].full);
        values[i] = text_get(&params->bytes[i]);
        lengths[i] = (int)params->bytes[i].length;
        formats[i] = params->plain[i] ? 0 : 1;
    }
    if (!enter_pipeline(self))
        return broken(self, reterr);
    int sent = self->pooled
                   ? PQsendQueryParams(self->conn, kept_sql(self, name), (int)count, NULL, values,
                                       lengths, formats, 1)
                   : PQsendQueryPrepared(self->conn, name, (int)count, values, lengths, formats, 1);
    if (sent == 0)
        return broken(self, reterr);
    part->statements++;
    return 0;
}

int part_begin(Part *part, Error *reterr)
{
    if (!part->postgres->pooled)
        return 0;
    assert(part->statements == 0);
    if (part_add_sql(part, SQL_LIMITS, reterr) < 0)
        return -1;
    part->statements = 0;
    part->limits = true;
    return 0;
}

int part_add_sql(Part *part, const char *sql, Error *reterr)
{
    Postgres *self = part->postgres;

    if (self->conn == NULL)
        return not_open(reterr);
    if (!enter_pipeline(self) ||
        PQsendQueryParams(self->conn, sql, 0, NULL, NULL, NULL, NULL, 1) == 0)
        return broken(self, reterr);
    part->statements++;
    return 0;
}

int part_send(Part *part, Error *reterr)
{
    Postgres *self = part->postgres;

    if (self->conn == NULL)
        return not_open(reterr);
    if (PQpipelineSync(self->conn) == 0)
        return broken(self, reterr);
    return flush(self, answer_deadline(self), reterr);
}

/* A statement's result, and the NULL behind it. */
static int read_statement(Postgres *self, PGresult **ret_result, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;
    DEFER(defer_result) PGresult *end = NULL;

    if (self->conn == NULL)
        return not_open(reterr);
    if (next_result(self, &result, reterr) < 0)
        return -1;
    if (result == NULL)
        return broken(self, reterr);
    if (next_result(self, &end, reterr) < 0)
        return -1;
    if (!is_good(result)) {
        (void)postgres_result_failed(result, reterr);
        return error_wrap(reterr, "PostgreSQL");
    }
    *ret_result = TAKE(result);
    return 0;
}

int part_result(Part *part, PGresult **ret_result, Error *reterr)
{
    DEFER(defer_result) PGresult *limits = NULL;

    assert(part->statements > 0);
    part->statements--;
    if (part->limits && read_statement(part->postgres, &limits, reterr) < 0)
        return -1;
    part->limits = false;
    return read_statement(part->postgres, ret_result, reterr);
}

int part_end(Part *part, Error *reterr)
{
    Postgres *self = part->postgres;

    while (part->statements > 0) {
        DEFER(defer_result) PGresult *result = NULL;

        if (part_result(part, &result, reterr) < 0)
            return -1;
    }
    DEFER(defer_result) PGresult *sync = NULL;
    if (self->conn == NULL)
        return not_open(reterr);
    if (next_result(self, &sync, reterr) < 0)
        return -1;
    if (sync == NULL || PQresultStatus(sync) != PGRES_PIPELINE_SYNC)
        return broken(self, reterr);
    return 0;
}

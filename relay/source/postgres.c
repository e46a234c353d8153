#include "postgres.h"

#include <poll.h>

#include "alloc.h"
#include "clock.h"

enum {
    OPEN_TIMEOUT_MS = 30 * 1000,
    ANSWER_TIMEOUT_MS = 15 * 1000, /* more than statement_timeout: then the network is to blame */
    TURN_MS = 100,
    VERSION_MIN = 130000,
    KEYWORDS_MAX = 24,
};

/* What a relay's session needs, before what the connection string says: a transaction that hangs
 * holds its locks for ten seconds at most, and the planner takes the indexes, whatever ANALYZE
 * thought of a table that was empty just then. */
static const char relay_options[] =
    "-c idle_in_transaction_session_timeout=10s -c statement_timeout=5s -c lock_timeout=2s "
    "-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off "
    "-c default_transaction_isolation=read\\ committed";

struct Postgres {
    char *url;
    PostgresWaiter waiter;
    PGconn *conn; /* NULL: not open */
    bool unlimited;
};

static const struct {
    const char *prefix;
    ErrorKind kind;
} states[] = {
    {"08", ERROR_BUSY},           {"57P", ERROR_BUSY},      {"57014", ERROR_BUSY},
    {"53", ERROR_BUSY},           {"40", ERROR_BUSY},       {"55P03", ERROR_BUSY},
    {"25006", ERROR_BUSY},        {"25P0", ERROR_BUSY},     {"58", ERROR_BUSY},
    {"28", ERROR_DENIED},         {"42501", ERROR_DENIED},  {"3D000", ERROR_NOT_FOUND},
    {"42P01", ERROR_INVALID},     {"42703", ERROR_INVALID}, {"42883", ERROR_INVALID},
    {"0A000", ERROR_UNSUPPORTED},
};

ErrorKind postgres_error_kind(const char *sqlstate)
{
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        if (text_starts(sqlstate, states[i].prefix))
            return states[i].kind;
    }
    return ERROR_BUG;
}

/* libpq's messages have several lines; ours have one. */
static void one_line(const char *text, char *ret, size_t size)
{
    size_t used = 0;

    for (; *text != '\0' && used < size - 1; text++) {
        bool space = *text == '\n' || *text == '\t' || *text == ' ';

        if (space && (used == 0 || ret[used - 1] == ' '))
            continue;
        ret[used++] = *text;
        if (space)
            ret[used - 1] = ' ';
    }
    while (used > 0 && ret[used - 1] == ' ')
        used--;
    ret[used] = '\0';
}

static int conn_failed(const PGconn *conn, ErrorKind kind, Error *reterr)
{
    char text[ERROR_TEXT_MAX];

    one_line(PQerrorMessage(conn), text, sizeof text);
    return error_set(reterr, kind, "%s", text[0] != '\0' ? text : "the connection broke");
}

static int result_failed(const PGresult *result, Error *reterr)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char line[ERROR_TEXT_MAX];

    one_line(text != NULL ? text : PQresultErrorMessage(result), line, sizeof line);
    return error_set(reterr, state != NULL ? postgres_error_kind(state) : ERROR_BUSY, "%s (%s)",
                     line, state != NULL ? state : "no SQLSTATE");
}

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

/* What the connection string, or PGOPTIONS, says about options. The caller frees it. */
static char *given_options(const char *url, const char *name)
{
    DEFER(defer_conninfo) PQconninfoOption *options = PQconninfoParse(url, NULL);

    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        if (text_eq(o->keyword, name) && o->val != NULL)
            return xstrdup(o->val);
    }
    return NULL;
}

typedef struct Keywords {
    const char *names[KEYWORDS_MAX];
    const char *values[KEYWORDS_MAX];
    size_t count;
} Keywords;

static void keyword_add(Keywords *keywords, const char *name, const char *value)
{
    assert(keywords->count < KEYWORDS_MAX - 1);
    keywords->names[keywords->count] = name;
    keywords->values[keywords->count++] = value;
}

/* Ours come first, so that the connection string has the last word. */
static PGconn *start(const Postgres *self)
{
    DEFER(defer_free) char *given = given_options(self->url, "options");
    const char *from_environment = getenv("PGOPTIONS");
    DEFER(defer_free) char *options = NULL;
    Keywords keywords = {0};

    if (given == NULL && from_environment != NULL)
        given = xstrdup(from_environment);
    options = xasprintf("%s %s", self->unlimited ? "" : relay_options, given != NULL ? given : "");
    keyword_add(&keywords, "target_session_attrs", "read-write");
    keyword_add(&keywords, "tcp_user_timeout", "10000");
    keyword_add(&keywords, "keepalives_idle", "5");
    keyword_add(&keywords, "keepalives_interval", "2");
    keyword_add(&keywords, "keepalives_count", "3");
    keyword_add(&keywords, "fallback_application_name", "bulkhead-relay");
    keyword_add(&keywords, "client_encoding", "UTF8");
    keyword_add(&keywords, "dbname", self->url);
    keyword_add(&keywords, "options", options);
    return PQconnectStartParams(keywords.names, keywords.values, 1);
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

/* libpq gives no SQLSTATE for a connection that was refused; its words are what there is. */
static ErrorKind open_error_kind(const char *text)
{
    if (strstr(text, "password") != NULL || strstr(text, "authentication") != NULL ||
        strstr(text, "pg_hba") != NULL || strstr(text, "permission denied") != NULL ||
        (strstr(text, "role \"") != NULL && strstr(text, "does not exist") != NULL))
        return ERROR_DENIED;
    if (strstr(text, "database \"") != NULL && strstr(text, "does not exist") != NULL)
        return ERROR_NOT_FOUND;
    return ERROR_BUSY;
}

static void ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

static int open_failed(Postgres *self, Error *reterr)
{
    ErrorKind kind = open_error_kind(PQerrorMessage(self->conn));

    (void)conn_failed(self->conn, kind, reterr);
    if (PQerrorMessage(self->conn)[0] == '\0')
        (void)error_set(reterr, ERROR_BUSY, "PostgreSQL does not answer");
    postgres_close(self);
    return error_wrap(reterr, "PostgreSQL");
}

int postgres_open(Postgres *self, bool limited, Error *reterr)
{
    assert(self->conn == NULL);
    self->unlimited = !limited;
    self->conn = start(self);
    if (self->conn == NULL)
        return error_set(reterr, ERROR_BUSY, "PostgreSQL: no memory for a connection");
    if (PQstatus(self->conn) == CONNECTION_BAD || !poll_open(self))
        return open_failed(self, reterr);

    int version = PQserverVersion(self->conn);
    if (version < VERSION_MIN) {
        postgres_close(self);
        return error_set(reterr, ERROR_UNSUPPORTED,
                         "PostgreSQL %d is too old: 13 is the oldest that works", version / 10000);
    }
    (void)PQsetNoticeProcessor(self->conn, ignore_notice, NULL);
    (void)PQsetnonblocking(self->conn, 1);
    return 0;
}

static int broken(Postgres *self, Error *reterr)
{
    (void)conn_failed(self->conn, ERROR_BUSY, reterr);
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
            failed = result_failed(result, reterr) < 0;
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

    if (self->conn == NULL)
        return not_open(reterr);
    if (PQsendQuery(self->conn, sql) == 0)
        return broken(self, reterr);
    if (finish(self, &result, reterr) < 0)
        return -1;
    *ret_result = TAKE(result);
    return 0;
}

int postgres_prepare(Postgres *self, const char *name, const char *sql, Error *reterr)
{
    if (self->conn == NULL)
        return not_open(reterr);
    if (PQsendPrepare(self->conn, name, sql, 0, NULL) == 0)
        return broken(self, reterr);
    return finish(self, NULL, reterr);
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
    if (!enter_pipeline(self) ||
        PQsendQueryPrepared(self->conn, name, (int)count, values, lengths, formats, 1) == 0)
        return broken(self, reterr);
    part->statements++;
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

int part_result(Part *part, PGresult **ret_result, Error *reterr)
{
    Postgres *self = part->postgres;
    DEFER(defer_result) PGresult *result = NULL;
    DEFER(defer_result) PGresult *end = NULL;

    assert(part->statements > 0);
    part->statements--;
    if (self->conn == NULL)
        return not_open(reterr);
    if (next_result(self, &result, reterr) < 0)
        return -1;
    if (result == NULL)
        return broken(self, reterr);
    if (next_result(self, &end, reterr) < 0) /* NULL ends each statement */
        return -1;
    if (!is_good(result)) {
        (void)result_failed(result, reterr);
        return error_wrap(reterr, "PostgreSQL");
    }
    *ret_result = TAKE(result);
    return 0;
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

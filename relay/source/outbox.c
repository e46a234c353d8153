#include "outbox.h"

#include <endian.h>

#include "alloc.h"
#include "schema.h"
#include "statements.h"

enum {
    INLINE_BYTES = 8 * 1024,           /* larger payloads come in a statement of their own ... */
    LARGE_BYTES_MAX = 8 * 1024 * 1024, /* ... and no more of them at once, beyond the first     */
    RESULTS_MAX = 3,
    WHY_MAX = 400,
};

/* The columns of the fetch statements. */
enum {
    COLUMN_ID,
    COLUMN_TENANT,
    COLUMN_TYPE,
    COLUMN_KEY,
    COLUMN_MSG_ID,
    COLUMN_ATTEMPTS,
    COLUMN_AGE,
    COLUMN_SIZE,
    COLUMN_PAYLOAD,
    COLUMN_HEADERS,
    COLUMN_HEADERS_LARGE,
    COLUMN_PLAN,
    COLUMNS,
};

/* A row and where it belongs, so that both are sorted at once. */
typedef struct Placed {
    size_t plan;
    Row row;
} Placed;

struct Outbox {
    Postgres *postgres;
    OnPublished on_published;
    bool in_transaction;
    char *ready_cursor; /* where the searches for tenants go on */
    char *due_cursor;
    Params params;
    PGresult *results[RESULTS_MAX]; /* what the rows point into */
    size_t result_count;
    Placed *placed;
    Row *rows;
    size_t *plan_of;
    size_t row_count;
    size_t row_capacity;
    bool taken[LANES_A_ROUND];
    bool limited[LANES_A_ROUND];
    int64_t spent[LANES_A_ROUND]; /* rows of tenants with a limit, to be written with the batch */
    char spenders[LANES_A_ROUND][TENANT_ID_MAX + 1];
    size_t spender_count;
};

int outbox_new(const char *url, OnPublished on_published, const PostgresWaiter *waiter,
               Outbox **ret_outbox, Error *reterr)
{
    Postgres *postgres = NULL;

    if (postgres_new(url, waiter, &postgres, reterr) < 0)
        return -1;
    Outbox *self = xcalloc(1, sizeof *self);
    self->postgres = postgres;
    self->on_published = on_published;
    self->ready_cursor = xstrdup("");
    self->due_cursor = xstrdup("");
    params_init(&self->params);
    *ret_outbox = self;
    return 0;
}

static void clear_results(Outbox *self)
{
    for (size_t i = 0; i < self->result_count; i++)
        PQclear(self->results[i]);
    self->result_count = 0;
    self->row_count = 0;
}

void outbox_free(Outbox *self)
{
    if (self == NULL)
        return;
    clear_results(self);
    postgres_free(self->postgres);
    params_done(&self->params);
    free(self->ready_cursor);
    free(self->due_cursor);
    free(self->placed);
    free(self->rows);
    free(self->plan_of);
    free(self);
}

Postgres *outbox_postgres(Outbox *self)
{
    return self->postgres;
}

bool outbox_is_open(const Outbox *self)
{
    return postgres_is_open(self->postgres);
}

bool outbox_in_transaction(const Outbox *self)
{
    return self->in_transaction;
}

void outbox_close(Outbox *self)
{
    clear_results(self);
    self->in_transaction = false;
    self->spender_count = 0;
    postgres_close(self->postgres);
}

static int32_t get_int4(const PGresult *result, int row, int column)
{
    uint32_t wire = 0;

    if (PQgetlength(result, row, column) == sizeof wire)
        memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    return (int32_t)be32toh(wire);
}

static int64_t get_int8(const PGresult *result, int row, int column)
{
    uint64_t wire = 0;

    if (PQgetlength(result, row, column) == sizeof wire)
        memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    return (int64_t)be64toh(wire);
}

static bool get_bool(const PGresult *result, int row, int column)
{
    return PQgetlength(result, row, column) == 1 && PQgetvalue(result, row, column)[0] != 0;
}

static Bytes get_bytes(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column) == 1)
        return (Bytes){0};
    return (Bytes){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

/* Is the schema the one that our statements are written for? */
static int check_version(const PGresult *result, Error *reterr)
{
    int32_t found = PQntuples(result) == 1 ? get_int4(result, 0, 0) : 0;
    int32_t want = (int32_t)migration_count();

    if (found < want)
        return error_set(reterr, ERROR_INVALID,
                         "the outbox has schema version %d, this relay needs %d: run "
                         "'bulkhead-relay migrate'",
                         found, want);
    if (found > want)
        return error_set(reterr, ERROR_UNSUPPORTED,
                         "the outbox has schema version %d, this relay knows %d: upgrade the relay",
                         found, want);
    return 0;
}

static int read_version(Outbox *self, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;
    Error failure = {0};
    Error sync_failure;

    if (postgres_queue_sql(self->postgres, STATEMENT_SCHEMA, reterr) < 0 ||
        postgres_sync(self->postgres, reterr) < 0)
        return -1;
    if (postgres_result(self->postgres, &result, &failure) < 0) {
        *reterr = failure;
        if (failure.kind == ERROR_INVALID)
            return error_set(reterr, ERROR_INVALID,
                             "the database has no outbox: run 'bulkhead-relay migrate'");
        return -1;
    }
    if (postgres_synced(self->postgres, &sync_failure) < 0) {
        *reterr = sync_failure;
        return -1;
    }
    return check_version(result, reterr);
}

static int prepare_all(Outbox *self, Error *reterr)
{
    for (size_t i = 0; i < statement_count(); i++) {
        const Statement *statement = statement_at(i);

        if (postgres_prepare(self->postgres, statement->name, statement->sql, reterr) < 0)
            return error_wrap(reterr, "statement %s", statement->name);
    }
    return 0;
}

int outbox_open(Outbox *self, Error *reterr)
{
    outbox_close(self);
    if (postgres_open(self->postgres, true, reterr) < 0)
        return -1;
    /* Preparing names every table and column, so that a strange schema shows now. */
    if (prepare_all(self, reterr) < 0 || read_version(self, reterr) < 0) {
        outbox_close(self);
        return -1;
    }
    return 0;
}

/* Any error ends the connection: its transaction and locks go with it, and the rows are pending. */
static int given_up(Outbox *self)
{
    outbox_close(self);
    return -1;
}

/* Hands out what a search found and remembers where it ended: at the last one of a full page, or
 * at the beginning again. */
static void report(const PGresult *result, bool ready, char **cursor, FoundFn *found, void *context)
{
    int count = PQntuples(result);

    for (int i = 0; i < count; i++) {
        bool due = !ready && get_bool(result, i, 1);
        DEFER(defer_free)
        char *tenant = xstrndup(PQgetvalue(result, i, 0), (size_t)PQgetlength(result, i, 0));

        if (ready || due)
            found(context, tenant, ready, due);
    }
    free(*cursor);
    *cursor = count < DISCOVER_MAX ? xstrdup("")
                                   : xstrndup(PQgetvalue(result, count - 1, 0),
                                              (size_t)PQgetlength(result, count - 1, 0));
}

static int queue_search(Outbox *self, const char *statement, const char *cursor, Error *reterr)
{
    params_clear(&self->params);
    params_add_text(&self->params, cursor);
    params_add_int4(&self->params, DISCOVER_MAX);
    return postgres_queue(self->postgres, statement, &self->params, reterr);
}

/* Any other statement closes the portal of the last one, which would hold its snapshot, and with
 * it vacuum, for as long as we wait for NATS. */
static int queue_portal_end(Outbox *self, Error *reterr)
{
    return postgres_queue_sql(self->postgres, "SET lock_timeout = '2s'", reterr);
}

int outbox_discover(Outbox *self, FoundFn *found, void *context, Error *reterr)
{
    DEFER(defer_result) PGresult *ready = NULL;
    DEFER(defer_result) PGresult *due = NULL;
    DEFER(defer_result) PGresult *portal = NULL;

    if (queue_search(self, "discover", self->ready_cursor, reterr) < 0 ||
        queue_search(self, "discover_due", self->due_cursor, reterr) < 0 ||
        queue_portal_end(self, reterr) < 0 || postgres_sync(self->postgres, reterr) < 0 ||
        postgres_result(self->postgres, &ready, reterr) < 0 ||
        postgres_result(self->postgres, &due, reterr) < 0 ||
        postgres_result(self->postgres, &portal, reterr) < 0 ||
        postgres_synced(self->postgres, reterr) < 0)
        return given_up(self);
    report(ready, true, &self->ready_cursor, found, context);
    report(due, false, &self->due_cursor, found, context);
    return 0;
}

static int queue_ids(Outbox *self, const char *statement, const int64_t *ids, size_t count,
                     Error *reterr)
{
    if (count == 0)
        return 0;
    params_clear(&self->params);
    params_add_ids(&self->params, ids, count);
    return postgres_queue(self->postgres, statement, &self->params, reterr);
}

/* What a server answered may be cut within a character, and PostgreSQL takes valid text only. */
static void push_plain(Params *params, const char *text)
{
    char plain[WHY_MAX];
    size_t i = 0;

    for (; text[i] != '\0' && i < sizeof plain - 1; i++)
        plain[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    plain[i] = '\0';
    params_push_text(params, plain);
}

static void add_failed_ids(Params *params, const FlightFailure *failures, size_t count)
{
    params_clear(params);
    params_add_array(params, OID_INT8, count);
    for (size_t i = 0; i < count; i++)
        params_push_int8(params, failures[i].id);
}

static int queue_retry(Outbox *self, const FlightFailure *failures, size_t count, Error *reterr)
{
    if (count == 0)
        return 0;
    add_failed_ids(&self->params, failures, count);
    params_add_array(&self->params, OID_TEXT, count);
    for (size_t i = 0; i < count; i++)
        push_plain(&self->params, failures[i].why);
    params_add_array(&self->params, OID_BOOL, count);
    for (size_t i = 0; i < count; i++)
        params_push_bool(&self->params, failures[i].soon);
    return postgres_queue(self->postgres, "retry", &self->params, reterr);
}

static int queue_bury(Outbox *self, const FlightFailure *failures, size_t count, Error *reterr)
{
    if (count == 0)
        return 0;
    add_failed_ids(&self->params, failures, count);
    params_add_array(&self->params, OID_TEXT, count);
    for (size_t i = 0; i < count; i++)
        params_push_text(&self->params, failure_word(failures[i].cause));
    params_add_array(&self->params, OID_TEXT, count);
    for (size_t i = 0; i < count; i++)
        push_plain(&self->params, failures[i].why);
    return postgres_queue(self->postgres, "bury", &self->params, reterr);
}

static int queue_spend(Outbox *self, Error *reterr)
{
    size_t count = self->spender_count;

    if (count == 0)
        return 0;
    params_clear(&self->params);
    params_add_array(&self->params, OID_TEXT, count);
    for (size_t i = 0; i < count; i++)
        params_push_text(&self->params, self->spenders[i]);
    params_add_ids(&self->params, self->spent, count);
    return postgres_queue(self->postgres, "spend", &self->params, reterr);
}

static size_t settle_statements(const Outbox *self, const Settlement *settlement)
{
    return (settlement->stored_count > 0 ? 1U : 0U) + (settlement->late_count > 0 ? 1U : 0U) +
           (settlement->retry_count > 0 ? 1U : 0U) + (settlement->bury_count > 0 ? 1U : 0U) +
           (self->spender_count > 0 ? 1U : 0U) + (self->in_transaction ? 1U : 0U);
}

static int queue_settlement(Outbox *self, const Settlement *settlement, Error *reterr)
{
    bool mark = self->on_published == ON_PUBLISHED_MARK;

    if (queue_ids(self, mark ? "mark_rows" : "delete_rows", settlement->stored,
                  settlement->stored_count, reterr) < 0 ||
        queue_ids(self, mark ? "mark_late" : "delete_late", settlement->late,
                  settlement->late_count, reterr) < 0 ||
        queue_retry(self, settlement->retry, settlement->retry_count, reterr) < 0 ||
        queue_bury(self, settlement->bury, settlement->bury_count, reterr) < 0 ||
        queue_spend(self, reterr) < 0)
        return -1;
    if (self->in_transaction && postgres_queue_sql(self->postgres, "COMMIT", reterr) < 0)
        return -1;
    return postgres_sync(self->postgres, reterr);
}

static int read_settlement(Outbox *self, size_t statements, Error *reterr)
{
    for (size_t i = 0; i < statements; i++) {
        DEFER(defer_result) PGresult *result = NULL;

        if (postgres_result(self->postgres, &result, reterr) < 0)
            return -1;
    }
    return postgres_synced(self->postgres, reterr);
}

static void add_tenants(Params *params, const LanePlan *plan, size_t count)
{
    params_clear(params);
    params_add_array(params, OID_TEXT, count);
    for (size_t i = 0; i < count; i++)
        params_push_text(params, plan[i].lane->tenant);
}

static bool has_limit(const LanePlan *plan)
{
    return plan->lane->settings.events_per_second > 0;
}

static bool any_limit(const LanePlan *plan, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (has_limit(&plan[i]))
            return true;
    }
    return false;
}

static bool any_due(const LanePlan *plan, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (plan[i].lane->due)
            return true;
    }
    return false;
}

static int queue_tokens(Outbox *self, const LanePlan *plan, size_t count, Error *reterr)
{
    Params *params = &self->params;
    size_t limited = 0;

    for (size_t i = 0; i < count; i++)
        limited += has_limit(&plan[i]) ? 1 : 0;
    params_clear(params);
    params_add_array(params, OID_TEXT, limited);
    for (size_t i = 0; i < count; i++) {
        if (has_limit(&plan[i]))
            params_push_text(params, plan[i].lane->tenant);
    }
    params_add_array(params, OID_FLOAT8, limited);
    for (size_t i = 0; i < count; i++) {
        if (has_limit(&plan[i]))
            params_push_float8(params, (double)plan[i].lane->settings.events_per_second);
    }
    params_add_array(params, OID_FLOAT8, limited);
    for (size_t i = 0; i < count; i++) {
        const RelaySettings *settings = &plan[i].lane->settings;

        if (has_limit(&plan[i]))
            params_push_float8(params, (double)(settings->burst > 0 ? settings->burst
                                                                    : settings->events_per_second));
    }
    return postgres_queue(self->postgres, "tokens", params, reterr);
}

typedef bool PlanFlagFn(const LanePlan *plan);

static bool is_ordered(const LanePlan *plan)
{
    return plan->lane->settings.ordering == RELAY_ORDERING_KEY;
}

static bool is_blocking(const LanePlan *plan)
{
    return is_ordered(plan) && plan->lane->settings.on_dead == RELAY_ON_DEAD_BLOCK;
}

static void add_flags(Params *params, const LanePlan *plan, size_t count, PlanFlagFn *flag)
{
    params_add_array(params, OID_BOOL, count);
    for (size_t i = 0; i < count; i++)
        params_push_bool(params, flag(&plan[i]));
}

static void add_fetch_params(Params *params, const LanePlan *plan, size_t count)
{
    add_tenants(params, plan, count);
    params_add_array(params, OID_INT8, count);
    for (size_t i = 0; i < count; i++)
        params_push_int8(params, plan[i].floor);
    params_add_array(params, OID_INT4, count);
    for (size_t i = 0; i < count; i++)
        params_push_int4(params, (int32_t)plan[i].rows);
    add_flags(params, plan, count, is_ordered);
    add_flags(params, plan, count, is_blocking);
    params_add_int4(params, INLINE_BYTES);
    add_flags(params, plan, count, has_limit);
}

static int queue_fetch(Outbox *self, const LanePlan *plan, size_t count, Error *reterr)
{
    if (postgres_queue_sql(self->postgres, "BEGIN", reterr) < 0)
        return -1;
    add_tenants(&self->params, plan, count);
    if (postgres_queue(self->postgres, "lanes", &self->params, reterr) < 0)
        return -1;
    if (any_limit(plan, count) && queue_tokens(self, plan, count, reterr) < 0)
        return -1;
    add_fetch_params(&self->params, plan, count);
    if (any_due(plan, count) &&
        postgres_queue(self->postgres, "fetch_due", &self->params, reterr) < 0)
        return -1;
    if (postgres_queue(self->postgres, "fetch_ready", &self->params, reterr) < 0)
        return -1;
    if (queue_portal_end(self, reterr) < 0)
        return -1;
    return postgres_sync(self->postgres, reterr);
}

/* Which lanes were had: their names, joined by commas. */
static void read_lanes(Outbox *self, const PGresult *result, const LanePlan *plan, size_t count)
{
    DEFER(defer_free)
    char *names = xasprintf(",%.*s,", PQgetlength(result, 0, 0), PQgetvalue(result, 0, 0));

    for (size_t i = 0; i < count; i++) {
        char name[TENANT_ID_MAX + 3];

        (void)snprintf(name, sizeof name, ",%s,", plan[i].lane->tenant);
        self->taken[i] = strstr(names, name) == NULL;
    }
}

static void read_row(const PGresult *result, int i, Placed *ret_placed)
{
    ret_placed->plan = (size_t)get_int4(result, i, COLUMN_PLAN);
    ret_placed->row = (Row){
        .id = get_int8(result, i, COLUMN_ID),
        .age_us = get_int8(result, i, COLUMN_AGE),
        .attempts = get_int4(result, i, COLUMN_ATTEMPTS),
        .payload_size =
            PQgetisnull(result, i, COLUMN_SIZE) == 1 ? -1 : get_int4(result, i, COLUMN_SIZE),
        .tenant = get_bytes(result, i, COLUMN_TENANT),
        .event_type = get_bytes(result, i, COLUMN_TYPE),
        .ordering_key = get_bytes(result, i, COLUMN_KEY),
        .msg_id = get_bytes(result, i, COLUMN_MSG_ID),
        .headers = get_bytes(result, i, COLUMN_HEADERS),
        .payload = get_bytes(result, i, COLUMN_PAYLOAD),
        .headers_too_large = get_bool(result, i, COLUMN_HEADERS_LARGE),
    };
}

/* Takes RESULT over. */
static void keep_rows(Outbox *self, PGresult *result, size_t plan_count)
{
    size_t more = (size_t)PQntuples(result);

    assert(self->result_count < RESULTS_MAX && PQnfields(result) == COLUMNS);
    self->results[self->result_count++] = result;
    if (self->row_count + more > self->row_capacity) {
        self->row_capacity = (self->row_count + more) * 2;
        self->placed = xrealloc(self->placed, self->row_capacity * sizeof(Placed));
        self->rows = xrealloc(self->rows, self->row_capacity * sizeof(Row));
        self->plan_of = xrealloc(self->plan_of, self->row_capacity * sizeof(size_t));
    }
    for (size_t i = 0; i < more; i++) {
        Placed *placed = &self->placed[self->row_count++];

        read_row(result, (int)i, placed);
        assert(placed->plan < plan_count);
    }
}

static int by_plan_and_id(const void *a, const void *b)
{
    const Placed *left = a;
    const Placed *right = b;

    if (left->plan != right->plan)
        return left->plan < right->plan ? -1 : 1;
    return (left->row.id > right->row.id) - (left->row.id < right->row.id);
}

static int read_fetch(Outbox *self, const LanePlan *plan, size_t count, Error *reterr)
{
    bool limit = any_limit(plan, count);
    bool due = any_due(plan, count);
    size_t statements = 4U + (limit ? 1U : 0U) + (due ? 1U : 0U);

    for (size_t i = 0; i < statements; i++) {
        DEFER(defer_result) PGresult *result = NULL;

        if (postgres_result(self->postgres, &result, reterr) < 0)
            return -1;
        if (i == 1)
            read_lanes(self, result, plan, count);
        if (PQnfields(result) == COLUMNS)
            keep_rows(self, TAKE(result), count);
    }
    if (postgres_synced(self->postgres, reterr) < 0)
        return -1;
    self->in_transaction = true;
    if (self->row_count > 0)
        qsort(self->placed, self->row_count, sizeof(Placed), by_plan_and_id);
    return 0;
}

static bool is_apart(const Row *row)
{
    return row->payload.at == NULL && row->payload_size >= 0;
}

static size_t choose_large(const Outbox *self, int64_t *ret_ids)
{
    int64_t bytes = 0;
    size_t count = 0;

    for (size_t i = 0; i < self->row_count; i++) {
        const Row *row = &self->placed[i].row;

        if (!is_apart(row) || (count > 0 && bytes + row->payload_size > LARGE_BYTES_MAX))
            continue;
        bytes += row->payload_size;
        ret_ids[count++] = row->id;
    }
    return count;
}

static void place_payload(Outbox *self, int64_t id, Bytes payload)
{
    for (size_t i = 0; i < self->row_count; i++) {
        if (self->placed[i].row.id == id)
            self->placed[i].row.payload = payload;
    }
}

/* Those that did not fit stay without: their turn comes with a later batch. */
static int fetch_large(Outbox *self, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;
    DEFER(defer_result) PGresult *portal = NULL;
    DEFER(defer_free) char *memory = xcalloc(self->row_count, sizeof(int64_t));
    int64_t *ids = (int64_t *)(void *)memory;
    size_t count = choose_large(self, ids);

    if (count == 0)
        return 0;
    if (queue_ids(self, "payloads", ids, count, reterr) < 0 || queue_portal_end(self, reterr) < 0 ||
        postgres_sync(self->postgres, reterr) < 0 ||
        postgres_result(self->postgres, &result, reterr) < 0 ||
        postgres_result(self->postgres, &portal, reterr) < 0 ||
        postgres_synced(self->postgres, reterr) < 0)
        return -1;
    for (int i = 0; i < PQntuples(result); i++)
        place_payload(self, get_int8(result, i, 0), get_bytes(result, i, 1));
    assert(self->result_count < RESULTS_MAX);
    self->results[self->result_count++] = TAKE(result);
    return 0;
}

/* What tenants with a limit used is written when the batch ends. */
static void count_spent(Outbox *self, const LanePlan *plan, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t rows = 0;

        self->limited[i] = has_limit(&plan[i]);
        for (size_t r = 0; self->limited[i] && r < self->row_count; r++)
            rows += self->plan_of[r] == i ? 1 : 0;
        if (rows == 0)
            continue;
        (void)snprintf(self->spenders[self->spender_count], TENANT_ID_MAX + 1, "%s",
                       plan[i].lane->tenant);
        self->spent[self->spender_count++] = rows;
    }
}

static int fetch(Outbox *self, const LanePlan *plan, size_t count, Error *reterr)
{
    if (read_fetch(self, plan, count, reterr) < 0)
        return -1;
    if (self->row_count > 0 && fetch_large(self, reterr) < 0)
        return -1;
    for (size_t i = 0; i < self->row_count; i++) {
        self->rows[i] = self->placed[i].row;
        self->plan_of[i] = self->placed[i].plan;
    }
    count_spent(self, plan, count);
    return 0;
}

int outbox_exchange(Outbox *self, const Settlement *settlement, const LanePlan *plan, size_t count,
                    Fetched *ret_fetched, Error *reterr)
{
    size_t statements = settle_statements(self, settlement);

    assert(count <= LANES_A_ROUND);
    clear_results(self);
    *ret_fetched = (Fetched){0};
    if (statements > 0 && queue_settlement(self, settlement, reterr) < 0)
        return given_up(self);
    if (count > 0 && queue_fetch(self, plan, count, reterr) < 0)
        return given_up(self);
    if (statements > 0 && read_settlement(self, statements, reterr) < 0)
        return given_up(self);
    self->in_transaction = false;
    self->spender_count = 0;
    ret_fetched->settled = true;
    if (count > 0 && fetch(self, plan, count, reterr) < 0)
        return given_up(self);
    ret_fetched->row_count = self->row_count;
    ret_fetched->rows = self->rows;
    ret_fetched->plan_of = self->plan_of;
    ret_fetched->taken = self->taken;
    ret_fetched->limited = self->limited;
    return 0;
}

/* One statement by itself. */
static int run_one(Outbox *self, const char *statement, PGresult **ret_result, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    assert(!self->in_transaction);
    if (postgres_queue(self->postgres, statement, &self->params, reterr) < 0 ||
        postgres_sync(self->postgres, reterr) < 0 ||
        postgres_result(self->postgres, &result, reterr) < 0 ||
        postgres_synced(self->postgres, reterr) < 0)
        return given_up(self);
    *ret_result = TAKE(result);
    return 0;
}

int outbox_bury_tenant(Outbox *self, const char *tenant, int64_t *ret_buried, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    params_clear(&self->params);
    params_add_text(&self->params, tenant);
    if (run_one(self, "bury_tenant", &result, reterr) < 0)
        return -1;
    *ret_buried = strtoll(PQcmdTuples(result), NULL, 10);
    return 0;
}

int outbox_note(Outbox *self, const char *tenant, const char *why, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    params_clear(&self->params);
    params_add_text(&self->params, tenant);
    params_add_text(&self->params, why);
    return run_one(self, "note", &result, reterr);
}

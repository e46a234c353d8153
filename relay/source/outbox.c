#include "outbox.h"

#include "alloc.h"
#include "clock.h"
#include "fetch.h"
#include "inspect.h"
#include "rowset.h"
#include "settle_apart.h"
#include "sql_template.h"
#include "statements.h"

enum { LARGE_BYTES_MAX = 8 * 1024 * 1024 }; /* of payloads that come apart, beyond the first */

struct Outbox {
    Postgres *postgres;
    Mapping mapping;
    OnPublished on_published;
    bool in_transaction;
    char *ready_cursor; /* where the searches for tenants go on */
    char *due_cursor;
    Params params;
    RowSet set;
    Refused refused;
    bool taken[LANES_A_ROUND];
    bool limited[LANES_A_ROUND];
    int64_t spent[LANES_A_ROUND]; /* rows of tenants with a limit, to be written with the batch */
    char spenders[LANES_A_ROUND][TENANT_ID_MAX + 1];
    size_t spender_count;
};

DEFINE_DEFER(int64_t *, defer_ids, free)

int outbox_new(const OutboxSettings *settings, const PostgresWaiter *waiter, Outbox **ret_outbox,
               Error *reterr)
{
    Postgres *postgres = NULL;
    Mapping mapping;

    if (mapping_parse(&settings->names, &mapping, reterr) < 0 ||
        postgres_new(settings->database_url, waiter, &postgres, reterr) < 0)
        return -1;
    Outbox *self = xcalloc(1, sizeof *self);
    self->postgres = postgres;
    self->mapping = mapping;
    self->on_published = settings->on_published;
    self->ready_cursor = xstrdup("");
    self->due_cursor = xstrdup("");
    params_init(&self->params);
    *ret_outbox = self;
    return 0;
}

void outbox_free(Outbox *self)
{
    if (self == NULL)
        return;
    rowset_done(&self->set);
    postgres_free(self->postgres);
    params_done(&self->params);
    free(self->ready_cursor);
    free(self->due_cursor);
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
    rowset_clear(&self->set);
    self->in_transaction = false;
    self->spender_count = 0;
    postgres_close(self->postgres);
}

static int prepare(Outbox *self, const Statement *statement, Error *reterr)
{
    DEFER(text_done) Text sql = TEXT_MAX(STATEMENT_TEXT_MAX);

    sql_render(statement->sql, &self->mapping, &sql);
    assert(!sql.full);
    if (sql.length > 0 &&
        postgres_prepare(self->postgres, statement->name, text_get(&sql), reterr) < 0)
        return error_wrap(reterr, "statement %s", statement->name);
    return 0;
}

/* Preparing names every table and column, so that a strange schema shows now. */
static int prepare_all(Outbox *self, Error *reterr)
{
    if (self->on_published == ON_PUBLISHED_MARK && !self->mapping.has[MAPPED_PUBLISHED_AT])
        return error_set(reterr, ERROR_INVALID,
                         "--on-published=mark needs a column published_at, by which rows are "
                         "deleted after --keep: name it with --column-published-at, or use "
                         "--on-published=delete");
    for (size_t i = 0; i < statement_count(); i++) {
        if (prepare(self, statement_at(i), reterr) < 0)
            return -1;
    }
    return 0;
}

int outbox_open(Outbox *self, Error *reterr)
{
    outbox_close(self);
    if (postgres_open(self->postgres, true, reterr) < 0)
        return -1;
    if (inspect_outbox(self->postgres, &self->mapping, reterr) < 0 ||
        prepare_all(self, reterr) < 0) {
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
static void report(const PGresult *result, bool ready, char **cursor, const Finder *finder)
{
    int count = PQntuples(result);

    for (int i = 0; i < count; i++) {
        bool due = !ready && result_bool(result, i, 1);
        DEFER(defer_free)
        char *tenant = xstrndup(PQgetvalue(result, i, 0), (size_t)PQgetlength(result, i, 0));

        if (ready || due)
            finder->found(finder->context, tenant, ready, due);
    }
    free(*cursor);
    *cursor = count < DISCOVER_MAX ? xstrdup("")
                                   : xstrndup(PQgetvalue(result, count - 1, 0),
                                              (size_t)PQgetlength(result, count - 1, 0));
}

static void put_search(Params *params, const char *cursor)
{
    params_clear(params);
    params_add_text(params, cursor);
    params_add_int4(params, DISCOVER_MAX);
}

/* The order of the known ones is that of our own table's names; one that was adopted may have
 * another, and is searched as a whole. */
static int add_discover(Outbox *self, Part *part, const KnownTenants *known, Error *reterr)
{
    size_t count = self->mapping.adopted ? 0 : known->count;

    put_search(&self->params, self->ready_cursor);
    params_add_array(&self->params, OID_TEXT, count);
    for (size_t i = 0; i < count; i++)
        params_push_text(&self->params, known->names[i]);
    return part_add(part, "discover", &self->params, reterr);
}

static int add_discover_due(Outbox *self, Part *part, Error *reterr)
{
    put_search(&self->params, self->due_cursor);
    return part_add(part, "discover_due", &self->params, reterr);
}

int outbox_discover(Outbox *self, const KnownTenants *known, const Finder *finder, Error *reterr)
{
    DEFER(defer_result) PGresult *ready = NULL;
    DEFER(defer_result) PGresult *due = NULL;
    Part part = {.postgres = self->postgres};

    if ((!self->in_transaction && part_begin(&part, reterr) < 0) ||
        add_discover(self, &part, known, reterr) < 0 || add_discover_due(self, &part, reterr) < 0 ||
        fetch_end_portal(&part, reterr) < 0 || part_send(&part, reterr) < 0 ||
        part_result(&part, &ready, reterr) < 0 || part_result(&part, &due, reterr) < 0 ||
        part_end(&part, reterr) < 0)
        return given_up(self);
    report(ready, true, &self->ready_cursor, finder);
    report(due, false, &self->due_cursor, finder);
    return 0;
}

static int add_spend(Outbox *self, Part *part, Error *reterr)
{
    if (self->spender_count == 0)
        return 0;
    params_clear(&self->params);
    params_add_array(&self->params, OID_TEXT, self->spender_count);
    for (size_t i = 0; i < self->spender_count; i++)
        params_push_text(&self->params, self->spenders[i]);
    params_add_ids(&self->params, self->spent, self->spender_count);
    return part_add(part, "spend", &self->params, reterr);
}

/* PART stays empty when there is nothing to write and no transaction to end. */
static int send_settlement(Outbox *self, Part *part, const Settlement *settlement, Error *reterr)
{
    if (settle_add(part, &self->params, settlement, self->on_published, reterr) < 0 ||
        add_spend(self, part, reterr) < 0)
        return -1;
    if (self->in_transaction && part_add_sql(part, "COMMIT", reterr) < 0)
        return -1;
    return part->statements > 0 ? part_send(part, reterr) : 0;
}

static int send_fetch(Outbox *self, Part *part, const RoundPlan *plan, Error *reterr)
{
    return fetch_add(part, &self->params, plan, reterr) < 0 ? -1 : part_send(part, reterr);
}

static int read_fetch(Outbox *self, Part *part, const RoundPlan *plan, Error *reterr)
{
    size_t statements = part->statements;

    for (size_t i = 0; i < statements; i++) {
        DEFER(defer_result) PGresult *result = NULL;

        if (part_result(part, &result, reterr) < 0)
            return -1;
        if (i == FETCH_LANES_AT)
            fetch_read_lanes(result, plan, self->taken);
        if (PQnfields(result) == ROWSET_COLUMNS)
            rowset_add(&self->set, TAKE(result), plan->count);
    }
    self->in_transaction = true;
    return part_end(part, reterr);
}

/* Those that do not fit stay without: their turn comes with a later batch. */
static int fetch_large(Outbox *self, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;
    DEFER(defer_ids) int64_t *ids = xcalloc(self->set.count, sizeof(int64_t));
    size_t count = rowset_large(&self->set, LARGE_BYTES_MAX, ids);
    Part part = {.postgres = self->postgres};

    if (count == 0)
        return 0;
    params_clear(&self->params);
    params_add_ids(&self->params, ids, count);
    if (part_add(&part, "payloads", &self->params, reterr) < 0 ||
        fetch_end_portal(&part, reterr) < 0 || part_send(&part, reterr) < 0 ||
        part_result(&part, &result, reterr) < 0 || part_end(&part, reterr) < 0)
        return -1;
    rowset_add_payloads(&self->set, TAKE(result));
    return 0;
}

static void leave_out_refused(Outbox *self)
{
    int64_t now_ms = clock_ms();

    for (size_t i = 0; i < self->set.count;) {
        if (refused_has(&self->refused, rowset_id(&self->set, i), now_ms))
            rowset_remove(&self->set, i);
        else
            i++;
    }
}

/* What tenants with a limit use is written when the batch ends. */
static void count_spent(Outbox *self, const RoundPlan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        int64_t rows = 0;

        self->limited[i] = fetch_is_limited(&plan->entries[i]);
        for (size_t r = 0; self->limited[i] && r < self->set.count; r++)
            rows += self->set.plan_of[r] == i ? 1 : 0;
        if (rows == 0)
            continue;
        (void)snprintf(self->spenders[self->spender_count], TENANT_ID_MAX + 1, "%s",
                       plan->entries[i].lane->tenant);
        self->spent[self->spender_count++] = rows;
    }
}

static int end_settlement(Part *part, Error *reterr)
{
    return part->statements > 0 ? part_end(part, reterr) : 0;
}

/* A pooler lends the session to others between two transactions, but not while the next one is on
 * its way already: there the fetch waits for the settlement, so that all take turns. */
static int settle_first(Outbox *self, Part *settle, const Settlement *settlement, Error *reterr)
{
    if (send_settlement(self, settle, settlement, reterr) < 0)
        return -1;
    return postgres_is_pooled(self->postgres) ? end_settlement(settle, reterr) : 0;
}

/* The rows that PostgreSQL did not refuse are written down by themselves. The error stays one: it
 * is told, and the connection begins anew. */
static int settlement_failed(Outbox *self, const Settlement *settlement, Error *reterr)
{
    Error ignored;

    if (reterr->kind != ERROR_BUG)
        return given_up(self);
    (void)error_wrap(reterr, "a row cannot be written down; others of its batch are, one by one");
    if (outbox_open(self, &ignored) == 0)
        settle_apart(self->postgres, &self->params, settlement, self->on_published, &self->refused);
    return given_up(self);
}

int outbox_exchange(Outbox *self, const Settlement *settlement, const RoundPlan *plan,
                    Fetched *ret_fetched, Error *reterr)
{
    Part settle = {.postgres = self->postgres};
    Part fetch = {.postgres = self->postgres};

    assert(plan->count <= LANES_A_ROUND);
    rowset_clear(&self->set);
    *ret_fetched = (Fetched){0};
    if (settle_first(self, &settle, settlement, reterr) < 0 ||
        (plan->count > 0 && send_fetch(self, &fetch, plan, reterr) < 0) ||
        end_settlement(&settle, reterr) < 0)
        return settlement_failed(self, settlement, reterr);
    self->in_transaction = false;
    self->spender_count = 0;
    if (plan->count == 0)
        return 0;
    if (read_fetch(self, &fetch, plan, reterr) < 0 ||
        (self->set.count > 0 && fetch_large(self, reterr) < 0))
        return given_up(self);
    leave_out_refused(self);
    rowset_order(&self->set);
    count_spent(self, plan);
    *ret_fetched = (Fetched){
        .row_count = self->set.count,
        .rows = self->set.rows,
        .plan_of = self->set.plan_of,
        .taken = self->taken,
        .limited = self->limited,
    };
    return 0;
}

/* One statement by itself. */
static int run_one(Outbox *self, const char *statement, PGresult **ret_result, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;
    Part part = {.postgres = self->postgres};

    assert(!self->in_transaction);
    if (part_begin(&part, reterr) < 0 || part_add(&part, statement, &self->params, reterr) < 0 ||
        part_send(&part, reterr) < 0 || part_result(&part, &result, reterr) < 0 ||
        part_end(&part, reterr) < 0)
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

    if (!self->mapping.has[MAPPED_LAST_ERROR])
        return 0;
    params_clear(&self->params);
    params_add_text(&self->params, tenant);
    params_add_text(&self->params, why);
    return run_one(self, "note", &result, reterr);
}

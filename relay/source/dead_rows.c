#include "dead_rows.h"

#include "alloc.h"
#include "inspect.h"
#include "sql_hex.h"

enum { SQL_MAX = 128 * 1024 };

#define SQL_LAST "SELECT coalesce(max(dead_id), 0) FROM {outbox_dead}"

/* A row without an id comes last. */
#define ORDERED "(coalesce(d.id, 9223372036854775807), d.dead_id)"
#define SQL_NEXT                                                                                   \
    "SELECT coalesce(d.id, 9223372036854775807), d.dead_id FROM {outbox_dead} d"                   \
    " WHERE d.dead_id <= %" PRId64 " AND " ORDERED " > (%" PRId64 ", %" PRId64 ")"

/* The old id keeps the row's place before later rows of its key. attempts = 1: those wait for it,
 * and the relay looks for it below the ids that it has seen. An id that is in use again, since a
 * sequence was restarted, is given up. */
#define SQL_REQUEUE_OURS                                                                           \
    "WITH gone AS (DELETE FROM {outbox_dead} WHERE dead_id = ANY(%s) RETURNING *),"                \
    " put AS (INSERT INTO {outbox} (id, tenant_id, event_type, ordering_key, msg_id, headers,"     \
    "  payload, attempts, next_attempt_at) OVERRIDING SYSTEM VALUE"                                \
    " SELECT CASE WHEN g.id IS NULL OR EXISTS (SELECT FROM {outbox} o WHERE o.id = g.id)"          \
    "   OR row_number() OVER (PARTITION BY g.id ORDER BY g.dead_id) > 1"                           \
    "   THEN nextval(pg_get_serial_sequence({'outbox'}, 'id')) ELSE g.id END,"                     \
    "  g.tenant_id, g.event_type, g.ordering_key, coalesce(g.msg_id, gen_random_uuid()),"          \
    "  g.headers, g.payload, 1, now() FROM gone g ORDER BY g.id, g.dead_id RETURNING 1)"           \
    " SELECT count(*) FROM put"

/* The whole row was kept. */
#define SQL_REQUEUE_ADOPTED                                                                        \
    "WITH gone AS (DELETE FROM {outbox_dead} WHERE dead_id = ANY(%s) RETURNING *),"                \
    " put AS (INSERT INTO {outbox} (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM gone g"             \
    "  CROSS JOIN LATERAL json_populate_record(NULL::{outbox}, g.original) r"                      \
    "  ORDER BY g.id, g.dead_id RETURNING 1)"                                                      \
    " SELECT count(*) FROM put"

/* Names, and the values of a row `r` of before, but for the state. */
#define SQL_COLUMNS                                                                                \
    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum), string_agg(CASE attname"       \
    " WHEN {'status'} THEN quote_literal({'pending'}) || '::' || format_type(atttypid, atttypmod)" \
    " WHEN {'attempts'} THEN '1' WHEN {'next_attempt_at'} THEN 'now()'"                            \
    " {?last_error}WHEN {'last_error'} THEN 'NULL'{/}"                                             \
    " {?published_at}WHEN {'published_at'} THEN 'NULL'{/}"                                         \
    " ELSE 'r.' || quote_ident(attname) END, ', ' ORDER BY attnum)"                                \
    " FROM pg_attribute WHERE attrelid = to_regclass({'outbox'}) AND attnum > 0"                   \
    " AND NOT attisdropped AND attgenerated = ''"

#define SQL_DISCARD                                                                                \
    "WITH gone AS (DELETE FROM {outbox_dead} WHERE dead_id = ANY(%s) RETURNING 1)"                 \
    " SELECT count(*) FROM gone"

#define MOMENT(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
#define SQL_LIST                                                                                   \
    "SELECT d.dead_id, " MOMENT(                                                                   \
        "d.dead_at") ", d.reason, d.tenant_id, d.event_type, d.attempts,"                          \
                     " d.id, d.ordering_key, d.msg_id, " MOMENT(                                   \
                         "d.created_at") ", d.last_error,"                                         \
                                         " CASE WHEN %s THEN d.headers::text END,"                 \
                                         " CASE WHEN %s THEN translate(encode(d.payload, "         \
                                         "'base64'), E'\\n', '') END"                              \
                                         " FROM {outbox_dead} d WHERE d.dead_id > %" PRId64

/* ARRAY[1,2]: braces would be a template's. The caller frees it. */
static char *ids_sql(const int64_t *ids, size_t count)
{
    Text sql = TEXT_MAX(SQL_MAX);

    text_add(&sql, "ARRAY[");
    for (size_t i = 0; i < count; i++)
        text_addf(&sql, "%s%" PRId64, i > 0 ? "," : "", ids[i]);
    text_add(&sql, "]::int8[]");
    assert(!sql.full);
    return text_take(&sql);
}

static void add_filter(const DeadFilter *filter, Text *sql)
{
    if (filter->tenant[0] != '\0') {
        DEFER(defer_free) char *tenant = sql_hex_text(filter->tenant);
        text_addf(sql, " AND d.tenant_id = %s", tenant);
    }
    if (filter->reason[0] != '\0') {
        DEFER(defer_free) char *reason = sql_hex_text(filter->reason);
        text_addf(sql, " AND d.reason = %s", reason);
    }
    if (filter->id_count > 0) {
        DEFER(defer_free) char *ids = ids_sql(filter->ids, filter->id_count);
        text_addf(sql, " AND d.dead_id = ANY(%s)", ids);
    }
}

static int64_t number_at(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

/* The number that SQL, a template, says. */
static int ask_number(Session *session, const char *sql, int64_t *ret_number, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    if (inspect_ask(session->postgres, sql, &session->mapping, &result, reterr) < 0)
        return -1;
    *ret_number = number_at(result, 0, 0);
    return 0;
}

int dead_walk_begin(Session *session, DeadWalk *ret_walk, Error *reterr)
{
    *ret_walk = (DeadWalk){.id = INT64_MIN, .most = DEAD_PIECE};
    return ask_number(session, SQL_LAST, &ret_walk->last, reterr);
}

int dead_walk_next(Session *session, const DeadFilter *filter, DeadWalk *walk, DeadPiece *ret_piece,
                   Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;
    DEFER(text_done) Text sql = TEXT_MAX(SQL_MAX);

    assert(walk->most <= DEAD_PIECE);
    text_addf(&sql, SQL_NEXT, walk->last, walk->id, walk->dead_id);
    add_filter(filter, &sql);
    text_addf(&sql, " ORDER BY 1, 2 LIMIT %zu", walk->most);
    assert(!sql.full);
    if (inspect_ask(session->postgres, text_get(&sql), &session->mapping, &result, reterr) < 0)
        return -1;
    ret_piece->count = (size_t)PQntuples(result);
    for (size_t i = 0; i < ret_piece->count; i++) {
        walk->id = number_at(result, (int)i, 0);
        walk->dead_id = number_at(result, (int)i, 1);
        ret_piece->ids[i] = walk->dead_id;
    }
    return 0;
}

void dead_columns_done(DeadColumns *columns)
{
    free(columns->names);
    free(columns->values);
    *columns = (DeadColumns){0};
}

int dead_columns_read(Session *session, DeadColumns *ret_columns, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    *ret_columns = (DeadColumns){0};
    if (!session->mapping.adopted)
        return 0;
    if (inspect_ask(session->postgres, SQL_COLUMNS, &session->mapping, &result, reterr) < 0)
        return -1;
    ret_columns->names = xstrdup(PQgetvalue(result, 0, 0));
    ret_columns->values = xstrdup(PQgetvalue(result, 0, 1));
    return 0;
}

int dead_rows_requeue(Session *session, const DeadColumns *columns, DeadIds ids, int64_t *ret_done,
                      Error *reterr)
{
    DEFER(defer_free) char *list = ids_sql(ids.at, ids.count);
    DEFER(defer_free)
    char *sql = session->mapping.adopted
                    ? xasprintf(SQL_REQUEUE_ADOPTED, list, columns->names, columns->values)
                    : xasprintf(SQL_REQUEUE_OURS, list);

    return ask_number(session, sql, ret_done, reterr);
}

int dead_rows_discard(Session *session, DeadIds ids, int64_t *ret_done, Error *reterr)
{
    DEFER(defer_free) char *list = ids_sql(ids.at, ids.count);
    DEFER(defer_free) char *sql = xasprintf(SQL_DISCARD, list);

    return ask_number(session, sql, ret_done, reterr);
}

int dead_rows_list(Session *session, const DeadPage *page, PGresult **ret_rows, Error *reterr)
{
    DEFER(text_done) Text sql = TEXT_MAX(SQL_MAX);
    const char *shown = page->content ? "true" : "false";

    text_addf(&sql, SQL_LIST, shown, shown, page->after);
    add_filter(page->filter, &sql);
    text_addf(&sql, " ORDER BY d.dead_id LIMIT %zu", page->most);
    assert(!sql.full);
    return inspect_ask(session->postgres, text_get(&sql), &session->mapping, ret_rows, reterr);
}

#include "upkeep.h"

#include "alloc.h"
#include "inspect.h"

enum { CLEAN_ROWS = 5000 };

/* A bounded piece of the table in the order of ids: no index on published_at, which every mark
 * would have to pay for, and no search through rows that have to stay. */
#define SQL_CLEAN                                                                                  \
    "WITH piece AS (SELECT {id} AS id, {status} AS status, {published_at} AS published_at"         \
    "  FROM {outbox} WHERE {id} > %" PRId64 " ORDER BY {id} LIMIT %d),"                            \
    " old AS (SELECT f.{id} AS id FROM {outbox} f WHERE f.{id} IN (SELECT id FROM piece"           \
    "  WHERE status = {'published'}"                                                               \
    "  AND published_at < now() - interval '%" PRId64 " milliseconds')"                            \
    "  AND f.{status} = {'published'} ORDER BY f.{id} FOR UPDATE SKIP LOCKED),"                    \
    " gone AS (DELETE FROM {outbox} WHERE {id} IN (SELECT id FROM old) RETURNING 1)"               \
    "SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM piece),"                            \
    " (SELECT coalesce(max(id), 0) FROM piece),"                                                   \
    " (SELECT count(*) FROM piece WHERE status = {'published'}) - (SELECT count(*) FROM old)"

static int64_t number_at(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

int upkeep_clean(Upkeep *upkeep, Postgres *postgres, int64_t keep_ms, Cleaned *ret_cleaned,
                 Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;
    DEFER(defer_free) char *sql = xasprintf(SQL_CLEAN, upkeep->cursor, CLEAN_ROWS, keep_ms);

    if (inspect_ask(postgres, sql, upkeep->mapping, &result, reterr) < 0)
        return -1;
    int64_t deleted = number_at(result, 0, 0);
    int64_t seen = number_at(result, 0, 1);
    bool at_end = seen < CLEAN_ROWS;

    /* Where published rows are too young, those behind them are, too: begin again at the oldest.
     * Old rows that wait for their tenant are walked over. */
    bool more = !at_end && number_at(result, 0, 3) == 0;
    upkeep->cursor = more ? number_at(result, 0, 2) : 0;
    *ret_cleaned = (Cleaned){.deleted = deleted, .more = more};
    return 0;
}

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

#define READY "o.{status} = {'pending'} AND o.{attempts} = 0"
#define TRIED "o.{status} = {'pending'} AND o.{attempts} > 0"

/* Per tenant, each number from the head of an index; the more tenants, the sooner counting stops.
 */
#define SQL_MEASURE                                                                                \
    "WITH RECURSIVE ready(t) AS ("                                                                 \
    " (SELECT {o.tenant_id} FROM {outbox} o WHERE " READY " ORDER BY o.{tenant_id}::text LIMIT 1)" \
    " UNION ALL SELECT (SELECT {o.tenant_id} FROM {outbox} o WHERE " READY                         \
    "  AND o.{tenant_id}::text > r.t ORDER BY o.{tenant_id}::text LIMIT 1)"                        \
    " FROM ready r WHERE r.t IS NOT NULL),"                                                        \
    " retry(t) AS ("                                                                               \
    " (SELECT {o.tenant_id} FROM {outbox} o WHERE " TRIED " ORDER BY o.{tenant_id}::text LIMIT 1)" \
    " UNION ALL SELECT (SELECT {o.tenant_id} FROM {outbox} o WHERE " TRIED                         \
    "  AND o.{tenant_id}::text > r.t ORDER BY o.{tenant_id}::text LIMIT 1)"                        \
    " FROM retry r WHERE r.t IS NOT NULL),"                                                        \
    " dead AS (SELECT tenant_id AS t, count(*) AS n FROM (SELECT tenant_id FROM {outbox_dead}"     \
    "  LIMIT 100000) d GROUP BY 1),"                                                               \
    " tenants AS (SELECT t FROM ready UNION SELECT t FROM retry UNION SELECT t FROM dead),"        \
    " most AS (SELECT least(10001, greatest(101, 200000 / greatest(count(*), 1))) AS n"            \
    "  FROM tenants)"                                                                              \
    "SELECT left(t.t, 64), fresh.n + again.n, again.n, coalesce(dead.n, 0),"                       \
    " coalesce(extract(epoch FROM clock_timestamp() - least(fresh.first, again.first)), 0)"        \
    " FROM (SELECT t FROM tenants WHERE t IS NOT NULL LIMIT 1000) t"                               \
    " LEFT JOIN dead ON dead.t = t.t"                                                              \
    " CROSS JOIN LATERAL (SELECT count(*) AS n, (SELECT {o.created_at} FROM {outbox} o"            \
    "   WHERE " READY " AND o.{tenant_id}::text = t.t ORDER BY o.{id} LIMIT 1)"                    \
    "   AS first FROM (SELECT FROM {outbox} o WHERE " READY                                        \
    "   AND o.{tenant_id}::text = t.t ORDER BY o.{id} LIMIT (SELECT n FROM most)) x) fresh"        \
    " CROSS JOIN LATERAL (SELECT count(*) AS n, min(created) AS first FROM"                        \
    "  (SELECT {o.created_at} AS created FROM {outbox} o WHERE " TRIED                             \
    "   AND o.{tenant_id}::text = t.t ORDER BY o.{next_attempt_at}"                                \
    "   LIMIT (SELECT n FROM most)) x) again"

static void known_clear(Upkeep *upkeep)
{
    for (size_t i = 0; i < upkeep->known_count; i++)
        free(upkeep->known[i]);
    free(upkeep->known);
    upkeep->known = NULL;
    upkeep->known_count = 0;
}

void upkeep_done(Upkeep *upkeep)
{
    known_clear(upkeep);
}

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

static bool is_named(const PGresult *result, const char *tenant)
{
    for (int i = 0; i < PQntuples(result); i++) {
        if (text_eq(PQgetvalue(result, i, 0), tenant))
            return true;
    }
    return false;
}

/* Tenants that were named last time and are not now have nothing left. */
static void forget_gone(Upkeep *upkeep, const PGresult *result, DepthFn *on_depth, void *context)
{
    const Depth nothing = {0};

    for (size_t i = 0; i < upkeep->known_count; i++) {
        if (!is_named(result, upkeep->known[i]))
            on_depth(context, upkeep->known[i], &nothing);
    }
    known_clear(upkeep);
}

int upkeep_measure(Upkeep *upkeep, Postgres *postgres, DepthFn *on_depth, void *context,
                   Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    if (inspect_ask(postgres, SQL_MEASURE, upkeep->mapping, &result, reterr) < 0)
        return -1;
    forget_gone(upkeep, result, on_depth, context);
    size_t count = (size_t)PQntuples(result);
    upkeep->known = xcalloc(count, sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        const Depth depth = {
            .pending = number_at(result, (int)i, 1),
            .retrying = number_at(result, (int)i, 2),
            .dead = number_at(result, (int)i, 3),
            .oldest_seconds = strtod(PQgetvalue(result, (int)i, 4), NULL),
        };

        on_depth(context, PQgetvalue(result, (int)i, 0), &depth);
        upkeep->known[upkeep->known_count++] = xstrdup(PQgetvalue(result, (int)i, 0));
    }
    return 0;
}

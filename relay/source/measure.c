#include "measure.h"

#include "alloc.h"
#include "inspect.h"
#include "sql_hex.h"

enum { PAGE = 500 };
enum { COLUMN_TENANT, COLUMN_PENDING, COLUMN_RETRYING, COLUMN_DEAD, COLUMN_OLDEST };

/* Which outbox this is, and what time it is there. The name is the same on a standby that was
 * promoted, and another one in each database and for each table. */
#define SQL_WHOSE                                                                                  \
    "SELECT current_database() || '/' || to_regclass({'outbox'})::oid || '/' || (SELECT"           \
    " (extract(epoch FROM min(applied_at)) * 1e6)::int8 FROM {bulkhead_outbox_schema}),"           \
    " to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

#define READY "o.{status} = {'pending'} AND o.{attempts} = 0"
#define TRIED "o.{status} = {'pending'} AND o.{attempts} > 0"

/* The tenants of a step. The more of them, the sooner counting stops. */
#define PAGE_SQL                                                                                   \
    " page AS (SELECT t FROM ring WHERE t IS NOT NULL LIMIT (SELECT most FROM given)),"            \
    " most AS (SELECT least(10001, greatest(1001, 400000 / greatest(count(*), 1))) AS n"           \
    "  FROM page) "

/* Loose index scans: one step in the index for each tenant, however many rows it has; each number
 * comes from the head of an index. Each begins behind `given`. */
#define SQL_GIVEN "WITH RECURSIVE given(behind, most) AS (VALUES (%s, %d)), %s"
#define SQL_NEW                                                                                    \
    "ring(t) AS ((SELECT {o.tenant_id} FROM {outbox} o WHERE " READY                               \
    "  AND o.{tenant_id}::text > (SELECT behind FROM given) ORDER BY o.{tenant_id}::text LIMIT 1)" \
    " UNION ALL SELECT (SELECT {o.tenant_id} FROM {outbox} o WHERE " READY                         \
    "  AND o.{tenant_id}::text > r.t ORDER BY o.{tenant_id}::text LIMIT 1)"                        \
    " FROM ring r WHERE r.t IS NOT NULL)," PAGE_SQL                                                \
    "SELECT left(page.t, 1000), (SELECT count(*) FROM (SELECT FROM {outbox} o WHERE " READY        \
    "   AND o.{tenant_id}::text = page.t ORDER BY o.{id} LIMIT (SELECT n FROM most)) x), 0, 0,"    \
    " extract(epoch FROM clock_timestamp() - (SELECT {o.created_at} FROM {outbox} o"               \
    "   WHERE " READY " AND o.{tenant_id}::text = page.t ORDER BY o.{id} LIMIT 1))"                \
    " FROM page ORDER BY page.t"
#define SQL_TRIED                                                                                  \
    "ring(t) AS ((SELECT {o.tenant_id} FROM {outbox} o WHERE " TRIED                               \
    "  AND o.{tenant_id}::text > (SELECT behind FROM given) ORDER BY o.{tenant_id}::text LIMIT 1)" \
    " UNION ALL SELECT (SELECT {o.tenant_id} FROM {outbox} o WHERE " TRIED                         \
    "  AND o.{tenant_id}::text > r.t ORDER BY o.{tenant_id}::text LIMIT 1)"                        \
    " FROM ring r WHERE r.t IS NOT NULL)," PAGE_SQL                                                \
    "SELECT left(page.t, 1000), x.n, x.n, 0, extract(epoch FROM clock_timestamp() - x.first) "     \
    "FROM page"                                                                                    \
    " CROSS JOIN LATERAL (SELECT count(*) AS n, min(created) AS first FROM"                        \
    "  (SELECT {o.created_at} AS created FROM {outbox} o WHERE " TRIED                             \
    "   AND o.{tenant_id}::text = page.t ORDER BY o.{next_attempt_at}"                             \
    "   LIMIT (SELECT n FROM most)) y) x ORDER BY page.t"
#define SQL_DEAD                                                                                   \
    "ring(t) AS ((SELECT tenant_id FROM {outbox_dead}"                                             \
    "  WHERE tenant_id > (SELECT behind FROM given) ORDER BY tenant_id LIMIT 1)"                   \
    " UNION ALL SELECT (SELECT d.tenant_id FROM {outbox_dead} d"                                   \
    "  WHERE d.tenant_id > r.t ORDER BY d.tenant_id LIMIT 1)"                                      \
    " FROM ring r WHERE r.t IS NOT NULL)," PAGE_SQL                                                \
    "SELECT left(page.t, 1000), 0, 0, (SELECT count(*) FROM (SELECT FROM {outbox_dead} d"          \
    "  WHERE d.tenant_id = page.t LIMIT (SELECT n FROM most)) x), 0 FROM page ORDER BY page.t"

static const char *sql_of(size_t look)
{
    static const char *const looks[] = {SQL_NEW, SQL_TRIED, SQL_DEAD};

    return look < ARRAY_SIZE(looks) ? looks[look] : NULL;
}

void measure_done(Measure *measure)
{
    free(measure->cursor);
    measure->cursor = NULL;
    depths_done(&measure->depths);
}

static void go_on_behind(Measure *measure, const char *tenant)
{
    free(measure->cursor);
    measure->cursor = xstrdup(tenant);
}

/* What stands there, cut, and without anything that a status or a log line should not hold. */
static void copy_plain(char *ret, size_t size, const char *text)
{
    (void)snprintf(ret, size, "%s", text);
    for (char *c = ret; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
}

int measure_begin(Measure *measure, Postgres *postgres, Error *reterr)
{
    DEFER(defer_result) PGresult *whose = NULL;

    if (inspect_ask(postgres, SQL_WHOSE, measure->mapping, &whose, reterr) < 0)
        return -1;
    copy_plain(measure->database, sizeof measure->database, PQgetvalue(whose, 0, 0));
    copy_plain(measure->at, sizeof measure->at, PQgetvalue(whose, 0, 1));
    measure->look = 0;
    go_on_behind(measure, "");
    depths_clear(&measure->depths);
    return 0;
}

static int64_t number_at(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

/* Rows of a tenant_id that is none are of nobody: the relay buries them. */
static int add(Depths *depths, const PGresult *page, int row, Error *reterr)
{
    const char *tenant = PQgetvalue(page, row, COLUMN_TENANT);
    double oldest = strtod(PQgetvalue(page, row, COLUMN_OLDEST), NULL);
    Depth depth = {
        .pending = number_at(page, row, COLUMN_PENDING),
        .retrying = number_at(page, row, COLUMN_RETRYING),
        .dead = number_at(page, row, COLUMN_DEAD),
        .oldest_seconds = oldest > 0 ? oldest : 0,
    };

    if (!tenant_id_valid(tenant))
        return 0;
    (void)snprintf(depth.tenant, sizeof depth.tenant, "%s", tenant);
    return depths_add(depths, &depth, reterr);
}

/* From the end of one look to the next look. A page of texts beyond all measure, which are cut, may
 * end where it began: then so does the look. */
static void turn_page(Measure *measure, const char *last)
{
    bool more = !text_eq(last, measure->cursor);

    go_on_behind(measure, more ? last : "");
    if (!more)
        measure->look++;
}

int measure_step(Measure *measure, Postgres *postgres, bool *ret_ended, Error *reterr)
{
    DEFER(defer_result) PGresult *page = NULL;
    DEFER(defer_free) char *behind = sql_hex_text(measure->cursor);
    DEFER(defer_free) char *sql = xasprintf(SQL_GIVEN, behind, PAGE, sql_of(measure->look));

    if (inspect_ask(postgres, sql, measure->mapping, &page, reterr) < 0)
        return -1;
    int count = PQntuples(page);
    for (int i = 0; i < count; i++) {
        if (add(&measure->depths, page, i, reterr) < 0)
            return -1;
    }
    turn_page(measure,
              count == PAGE ? PQgetvalue(page, count - 1, COLUMN_TENANT) : measure->cursor);
    *ret_ended = sql_of(measure->look) == NULL;
    if (*ret_ended)
        depths_sort(&measure->depths);
    return 0;
}

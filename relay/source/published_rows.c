#include "published_rows.h"

#include "alloc.h"
#include "inspect.h"
#include "sql_hex.h"
#include "units.h"

enum { PIECE = 5000, NS_PER_MS = 1000000, MOMENT_MAX = 40 };

#define SHOWN(moment) "to_char(" moment " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
#define SQL_SPAN                                                                                   \
    "SELECT " SHOWN("since") ", " SHOWN("until") ", since < kept, " SHOWN(                         \
        "kept") ","                                                                                \
                " (SELECT coalesce(max({id}), 0) FROM {outbox}), since < until"                    \
                " FROM (SELECT %s AS since, %s AS until, now() - interval '%" PRId64               \
                " milliseconds' AS kept)"                                                          \
                " AS given"

/* A piece of the table in the order of ids, as there is no index on published_at. */
#define SQL_PIECE                                                                                  \
    "WITH piece AS (SELECT {o.id} AS id, o.{status} = {'published'} AS published,"                 \
    "  o.{published_at} >= '%s' AND o.{published_at} < '%s'%s AS wanted"                           \
    "  FROM {outbox} o WHERE o.{id} > %" PRId64 " AND o.{id} <= %" PRId64                          \
    "  ORDER BY o.{id} LIMIT %d), "
#define SQL_RESULT                                                                                 \
    " SELECT (SELECT count(*) FROM again), (SELECT count(*) FROM piece WHERE published),"          \
    " (SELECT count(*) FROM piece), (SELECT coalesce(max(id), 0) FROM piece)"
#define SQL_COUNT "again AS (SELECT FROM piece WHERE published AND wanted)" SQL_RESULT
/* One that the relay is deleting just now is passed over. */
#define SQL_AGAIN                                                                                  \
    "again AS (UPDATE {outbox} SET {status} = {'pending'}, {attempts} = 0, {published_at} = NULL"  \
    "  WHERE {id} IN (SELECT f.{id} FROM {outbox} f WHERE f.{status} = {'published'} AND f.{id} "  \
    "IN"                                                                                           \
    "   (SELECT id FROM piece WHERE published AND wanted) ORDER BY f.{id} FOR UPDATE SKIP LOCKED)" \
    "  RETURNING 1)" SQL_RESULT

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "…T…Z" or "…T…+01:00": what PostgreSQL would read in a zone of its own choice is refused. */
static bool has_zone(const char *text)
{
    size_t length = strlen(text);
    const char *time = strchr(text, 'T');
    const char *zone = time != NULL ? strpbrk(time, "Z+-") : NULL;

    if (length > MOMENT_MAX || !is_digit(text[0]) || zone == NULL ||
        strspn(text, "0123456789-:.+TZ") != length)
        return false;
    return text_eq(zone, "Z") || strlen(zone) == strlen("+01:00");
}

/* The caller frees it; NULL: TEXT is neither a duration nor a time. */
static char *moment_sql(const char *text)
{
    int64_t ns = 0;
    Error ignored;

    if (duration_parse(text, &ns, &ignored) == 0)
        return xasprintf("now() - interval '%" PRId64 " milliseconds'", ns / NS_PER_MS);
    return has_zone(text) ? xasprintf("timestamptz '%s'", text) : NULL;
}

static int wrong_moment(const char *flag, const char *text, Error *reterr)
{
    return error_set(
        reterr, ERROR_INVALID,
        "%s: '%.60s' is neither a time like 2026-01-31T12:00:00Z nor a duration before "
        "now like 15m",
        flag, text);
}

int published_span_read(Session *session, const PublishedWanted *wanted, PublishedSpan *ret_span,
                        Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;
    DEFER(defer_free) char *since_sql = moment_sql(wanted->since);
    DEFER(defer_free) char *until_sql = moment_sql(wanted->until);

    if (since_sql == NULL)
        return wrong_moment("--since", wanted->since, reterr);
    if (until_sql == NULL)
        return wrong_moment("--until", wanted->until, reterr);
    DEFER(defer_free) char *sql = xasprintf(SQL_SPAN, since_sql, until_sql, wanted->keep_ms);
    if (inspect_ask(session->postgres, sql, &session->mapping, &result, reterr) < 0) {
        if (reterr->kind == ERROR_BUG) /* no such day */
            reterr->kind = ERROR_INVALID;
        return error_wrap(reterr, "--since, --until");
    }
    if (!text_eq(PQgetvalue(result, 0, 5), "t"))
        return error_set(reterr, ERROR_INVALID, "--since is not before --until");
    *ret_span = (PublishedSpan){
        .gone = text_eq(PQgetvalue(result, 0, 2), "t"),
        .last = strtoll(PQgetvalue(result, 0, 4), NULL, 10),
    };
    (void)snprintf(ret_span->since, sizeof ret_span->since, "%s", PQgetvalue(result, 0, 0));
    (void)snprintf(ret_span->until, sizeof ret_span->until, "%s", PQgetvalue(result, 0, 1));
    (void)snprintf(ret_span->kept, sizeof ret_span->kept, "%s", PQgetvalue(result, 0, 3));
    return 0;
}

/* The caller frees it. */
static char *piece_sql(const PublishedWanted *wanted, const PublishedSpan *span, int64_t cursor)
{
    DEFER(defer_free) char *tenant = sql_hex_text(wanted->tenant);
    DEFER(defer_free)
    char *only =
        wanted->tenant[0] != '\0' ? xasprintf(" AND {o.tenant_id} = %s", tenant) : xstrdup("");
    DEFER(defer_free)
    char *piece = xasprintf(SQL_PIECE, span->since, span->until, only, cursor, span->last, PIECE);

    return xasprintf("%s%s", piece, wanted->dry_run ? SQL_COUNT : SQL_AGAIN);
}

static int64_t number_at(const PGresult *result, int column)
{
    return strtoll(PQgetvalue(result, 0, column), NULL, 10);
}

int published_replay(Session *session, const PublishedWanted *wanted, const PublishedSpan *span,
                     PublishedWalk *walk, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;
    DEFER(defer_free) char *sql = piece_sql(wanted, span, walk->cursor);

    if (inspect_ask(session->postgres, sql, &session->mapping, &result, reterr) < 0)
        return -1;
    walk->matched += number_at(result, 0);
    walk->published += number_at(result, 1);
    walk->ended = number_at(result, 2) < PIECE;
    walk->cursor = number_at(result, 3);
    return 0;
}

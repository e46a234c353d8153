#include "statements.h"

/* Templates, see sql_template.h. */
#define READY "{status} = {'pending'} AND {attempts} = 0"
#define TRIED "{status} = {'pending'} AND {attempts} > 0"
#define PUBLISHED                                                                                  \
    "{status} = {'published'}{?published_at}, {published_at} = clock_timestamp(){/}"               \
    "{?last_error}, {last_error} = NULL{/}"

/* Tenants behind gap.lo, one step in the index each (a loose index scan): the cost is theirs, not
 * their rows'. BOUND and STEP_BOUND end it at gap.hi. */
#define RING(bound, step_bound)                                                                    \
    "(WITH RECURSIVE ring(t) AS ("                                                                 \
    " (SELECT {tenant_id}::text FROM {outbox} WHERE " READY " AND {tenant_id}::text > gap.lo"      \
    " " bound " ORDER BY {tenant_id}::text LIMIT 1)"                                               \
    " UNION ALL"                                                                                   \
    " SELECT (SELECT o.{tenant_id}::text FROM {outbox} o WHERE " READY                             \
    "  AND o.{tenant_id}::text > r.t " step_bound " ORDER BY o.{tenant_id}::text LIMIT 1)"         \
    " FROM ring r WHERE r.t IS NOT NULL)"                                                          \
    " SELECT t FROM ring WHERE t IS NOT NULL)"

/* The tenants that have rows. $1: behind which to begin, $2: how many, $3: those that are known
 * to have rows. These are stepped over: a backlog that is being worked on begins with the dead
 * entries of what is done, and the way to its first row is the longer the more is done. */
#define SQL_DISCOVER                                                                               \
    "WITH known(k) AS (SELECT $1::text UNION SELECT unnest($3::text[])),"                          \
    " gap(lo, hi) AS (SELECT k, lead(k) OVER (ORDER BY k COLLATE \"C\") FROM known"                \
    "  WHERE k COLLATE \"C\" >= $1::text)"                                                         \
    "SELECT t FROM (SELECT g.t FROM gap CROSS JOIN LATERAL " RING(                                 \
        "AND {tenant_id}::text < gap.hi",                                                          \
        "AND o.{tenant_id}::text < gap.hi") " g WHERE gap.hi IS NOT NULL"                          \
                                            " UNION ALL SELECT g.t FROM gap CROSS JOIN "           \
                                            "LATERAL " RING("", "") " g WHERE gap.hi IS NULL) "    \
                                                                    "found LIMIT $2::int4"

/* The same for rows that were tried before, with whether their wait is over. */
#define SQL_DISCOVER_DUE                                                                           \
    "WITH RECURSIVE ring(t, due) AS ("                                                             \
    " (SELECT {tenant_id}::text, {next_attempt_at} FROM {outbox}"                                  \
    "  WHERE " TRIED " AND {tenant_id}::text > $1::text"                                           \
    "  ORDER BY {tenant_id}::text, {next_attempt_at} LIMIT 1)"                                     \
    " UNION ALL"                                                                                   \
    " SELECT n.t, n.due FROM ring r CROSS JOIN LATERAL"                                            \
    "  (SELECT o.{tenant_id}::text AS t, o.{next_attempt_at} AS due FROM {outbox} o"               \
    "   WHERE " TRIED " AND o.{tenant_id}::text > r.t"                                             \
    "   ORDER BY o.{tenant_id}::text, o.{next_attempt_at} LIMIT 1) n)"                             \
    "SELECT t, due <= clock_timestamp() FROM (SELECT * FROM ring LIMIT $2::int4) found"

/* The lanes of a round. A statement of its own: the rows are read by the next one, whose snapshot
 * is younger than the locks, so that it sees what the last holder of a lane wrote. The list is
 * handed over inside the server. */
#define SQL_LANES                                                                                  \
    "SELECT set_config('bulkhead.lanes', coalesce((SELECT string_agg(t, ',')"                      \
    " FROM unnest($1::text[]) t WHERE pg_try_advisory_xact_lock(742, hashtext(t))), ''), true)"

/* How many events a tenant with a limit may send now. $1 tenants, $2 events a second, $3 burst. */
#define SQL_TOKENS                                                                                 \
    "INSERT INTO {outbox_lane} AS l (tenant_id, tokens, tokens_at)"                                \
    " SELECT t, burst, clock_timestamp() FROM unnest($1::text[], $2::float8[], $3::float8[])"      \
    "  AS p(t, rate, burst)"                                                                       \
    " WHERE t = ANY(string_to_array(current_setting('bulkhead.lanes'), ','))"                      \
    " ON CONFLICT (tenant_id) DO UPDATE SET tokens_at = excluded.tokens_at, tokens = least("       \
    "  excluded.tokens, l.tokens + (SELECT p.rate FROM unnest($1::text[], $2::float8[]) AS"        \
    "  p(t, rate) WHERE p.t = l.tenant_id LIMIT 1)"                                                \
    "  * extract(epoch FROM excluded.tokens_at - l.tokens_at))"                                    \
    " RETURNING tenant_id, tokens"

/* They were fetched and will be sent. $1 tenants, $2 how many. */
#define SQL_SPEND                                                                                  \
    "UPDATE {outbox_lane} l SET tokens = l.tokens - p.used"                                        \
    " FROM unnest($1::text[], $2::int8[]) AS p(t, used) WHERE l.tenant_id = p.t"

/* The age is in microseconds. */
#define ROW_COLUMNS                                                                                \
    "{o.id}, left({o.tenant_id}, 64), left({o.event_type}, 256), {o.ordering_key},"                \
    " left({o.msg_id}, 129), {o.attempts},"                                                        \
    " (date_part('epoch', clock_timestamp() - {o.created_at}) * 1e6)::int8,"                       \
    " octet_length({o.payload}),"                                                                  \
    " CASE WHEN octet_length({o.payload}) <= $6 THEN {o.payload} END,"                             \
    " CASE WHEN octet_length({o.headers}) <= 32768 THEN {o.headers} END,"                          \
    " coalesce(octet_length({o.headers}) > 32768, false), (p.ord - 1)::int4"

/* $1 tenants, $2 floors, $3 rows, $4 keep the order of keys, $5 dead rows block their key, $6 the
 * largest payload that comes with its row, $7 the tenant has a limit: no more than its tokens. */
#define FETCH_FROM                                                                                 \
    " FROM unnest($1::text[], $2::int8[], $3::int4[], $4::bool[], $5::bool[], $7::bool[])"         \
    "  WITH ORDINALITY AS p(t, floor, quantum, ordered, blocking, limited, ord)"                   \
    " CROSS JOIN LATERAL (SELECT x.* FROM {outbox} x"                                              \
    "  WHERE p.t = ANY(string_to_array(current_setting('bulkhead.lanes'), ','))"                   \
    "  AND x.{tenant_id}::text = p.t AND x.{status} = {'pending'}"

#define FETCH_ORDER                                                                                \
    "{?ordering_key}"                                                                              \
    "  AND (NOT p.ordered OR x.{ordering_key} IS NULL OR NOT EXISTS (SELECT 1 FROM {outbox} b"     \
    "   WHERE b.{tenant_id}::text = x.{tenant_id}::text AND {b.ordering_key} = {x.ordering_key}"   \
    "   AND b.{status} = {'pending'} AND b.{attempts} > 0 AND b.{ordering_key} IS NOT NULL"        \
    "   AND b.{id} < x.{id}))"                                                                     \
    "  AND (NOT p.blocking OR x.{ordering_key} IS NULL OR NOT EXISTS (SELECT 1"                    \
    "   FROM {outbox_dead} d WHERE d.tenant_id = {x.tenant_id}"                                    \
    "   AND d.ordering_key = {x.ordering_key} AND d.id < x.{id}))"                                 \
    "{/}"

#define FETCH_LIMIT                                                                                \
    " LIMIT least(p.quantum, (SELECT greatest(floor(l.tokens), 0)::int4 FROM {outbox_lane} l"      \
    "  WHERE p.limited AND l.tenant_id = p.t)) FOR UPDATE OF x SKIP LOCKED) o"

/* Where no lane of the round asks for order: what is not asked costs a tenth of the statement. */
#define SQL_FETCH_READY_FREE                                                                       \
    "SELECT " ROW_COLUMNS FETCH_FROM " AND x.{attempts} = 0 AND x.{id} > p.floor"                  \
    "  ORDER BY x.{id}" FETCH_LIMIT

#define SQL_FETCH_READY                                                                            \
    "SELECT " ROW_COLUMNS FETCH_FROM " AND x.{attempts} = 0 AND x.{id} > p.floor" FETCH_ORDER      \
    "  ORDER BY x.{id}" FETCH_LIMIT

#define SQL_FETCH_DUE                                                                              \
    "SELECT " ROW_COLUMNS FETCH_FROM " AND x.{attempts} > 0 AND p.floor IS NOT NULL"               \
    "  AND x.{next_attempt_at} <= statement_timestamp()" FETCH_ORDER                               \
    "  ORDER BY x.{next_attempt_at}, x.{id}" FETCH_LIMIT

/* Payloads that were too large to come along. */
#define SQL_PAYLOADS "SELECT {o.id}, {o.payload} FROM {outbox} o WHERE o.{id} = ANY($1::int8[])"

#define SQL_MARK                                                                                   \
    "UPDATE {outbox} SET " PUBLISHED " WHERE {status} = {'pending'} AND {id} = ANY($1::int8[])"
#define SQL_DELETE "DELETE FROM {outbox} WHERE {status} = {'pending'} AND {id} = ANY($1::int8[])"

/* Rows whose lock was given up before their answer came: whoever locked them since decides. */
#define FREE_ROWS                                                                                  \
    "(SELECT f.{id} FROM {outbox} f WHERE f.{id} = ANY($1::int8[])"                                \
    " AND f.{status} = {'pending'} ORDER BY f.{id} FOR UPDATE SKIP LOCKED)"
#define SQL_MARK_LATE   "UPDATE {outbox} SET " PUBLISHED " WHERE {id} IN " FREE_ROWS
#define SQL_DELETE_LATE "DELETE FROM {outbox} WHERE {id} IN " FREE_ROWS

/* $1 ids, $2 why, $3 true where the tenant waits and not the row. From a quarter of a second to
 * five minutes, on the database's clock. */
#define SQL_RETRY                                                                                  \
    "UPDATE {outbox} o SET {attempts} = {o.attempts} + 1,"                                         \
    "{?last_error} {last_error} = left(f.why, 500),{/}"                                            \
    " {next_attempt_at} = clock_timestamp() + CASE WHEN f.soon THEN interval '0' ELSE"             \
    "  make_interval(secs => least(300, 0.25 * power(2, least(o.{attempts}, 20)))"                 \
    "   * (0.5 + random() * 0.5)) END"                                                             \
    " FROM unnest($1::int8[], $2::text[], $3::bool[]) AS f(id, why, soon)"                         \
    " WHERE o.{id} = f.id AND o.{id} IN " FREE_ROWS

/* What a dead row keeps; of a table that is not ours the whole row, too, as it has more columns. */
#define DEAD_COLUMNS                                                                               \
    "id, created_at, attempts, tenant_id, event_type, ordering_key, msg_id, headers, payload,"     \
    "{?adopted} original,{/} reason, last_error"
#define DEAD_VALUES                                                                                \
    "{g.id}, {g.created_at}, {g.attempts} + 1, {g.tenant_id}, {g.event_type},"                     \
    " {g.ordering_key}, ({g.msg_id}){?made}::uuid{/}, ({g.headers}){?made}::jsonb{/},"             \
    " {g.payload},{?adopted} row_to_json(g),{/}"

/* $1 ids, $2 the word, $3 the sentence. */
#define SQL_BURY                                                                                   \
    "WITH gone AS (DELETE FROM {outbox} WHERE {id} IN " FREE_ROWS " RETURNING *)"                  \
    " INSERT INTO {outbox_dead} (" DEAD_COLUMNS ")"                                                \
    " SELECT " DEAD_VALUES " f.reason, left(f.why, 500)"                                           \
    " FROM gone g JOIN unnest($1::int8[], $2::text[], $3::text[]) AS f(id, reason, why)"           \
    " ON f.id = g.{id}"

/* $1 a tenant_id that is none. */
#define SQL_BURY_TENANT                                                                            \
    "WITH gone AS (DELETE FROM {outbox} WHERE {id} IN (SELECT {id} FROM {outbox}"                  \
    "  WHERE {tenant_id}::text = $1::text AND {status} = {'pending'} LIMIT 1000"                   \
    "  FOR UPDATE SKIP LOCKED) RETURNING *)"                                                       \
    " INSERT INTO {outbox_dead} (" DEAD_COLUMNS ")"                                                \
    " SELECT " DEAD_VALUES " 'malformed', 'tenant_id is not a tenant id' FROM gone g"

/* $1 a tenant, $2 why it waits. Under the lane's lock, as a relay that fetched meanwhile would skip
 * the row and take the next. */
#define SQL_NOTE                                                                                   \
    "{?last_error}UPDATE {outbox} SET {last_error} = left($2, 500)"                                \
    " WHERE (SELECT pg_try_advisory_xact_lock(742, hashtext($1::text)))"                           \
    " AND {id} = (SELECT {id} FROM {outbox} WHERE {tenant_id}::text = $1::text AND " READY         \
    "  ORDER BY {id} LIMIT 1 FOR UPDATE SKIP LOCKED)"                                              \
    " AND {last_error} IS DISTINCT FROM left($2, 500){/}"

static const Statement statements[] = {
    {"discover", SQL_DISCOVER},
    {"discover_due", SQL_DISCOVER_DUE},
    {"lanes", SQL_LANES},
    {"tokens", SQL_TOKENS},
    {"spend", SQL_SPEND},
    {"fetch_ready", SQL_FETCH_READY},
    {"fetch_ready_free", SQL_FETCH_READY_FREE},
    {"fetch_due", SQL_FETCH_DUE},
    {"payloads", SQL_PAYLOADS},
    {"mark_rows", SQL_MARK},
    {"delete_rows", SQL_DELETE},
    {"mark_late", SQL_MARK_LATE},
    {"delete_late", SQL_DELETE_LATE},
    {"retry", SQL_RETRY},
    {"bury", SQL_BURY},
    {"bury_tenant", SQL_BURY_TENANT},
    {"note", SQL_NOTE},
};

size_t statement_count(void)
{
    return ARRAY_SIZE(statements);
}

const Statement *statement_at(size_t i)
{
    assert(i < ARRAY_SIZE(statements));
    return &statements[i];
}

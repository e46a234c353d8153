#include "inspect.h"

#include "alloc.h"
#include "schema.h"
#include "sql_template.h"
#include "statements.h"

enum { SHOWN_SIZE = 160 };

#define SQL_COLUMNS                                                                                \
    "SELECT a.attname, CASE WHEN t.typtype = 'e' THEN 'enum'"                                      \
    "  WHEN t.typname = 'varchar' AND a.atttypmod >= 0 THEN 'varchar(n)'"                          \
    "  ELSE coalesce(b.typname, t.typname) END,"                                                   \
    " format_type(a.atttypid, a.atttypmod), a.attnotnull"                                          \
    " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"                                    \
    " LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype"                            \
    " WHERE a.attrelid = to_regclass({'outbox'}) AND a.attnum > 0 AND NOT a.attisdropped"

/* The table's schema; its kind; whether an id stands for one row; who sees not all rows; which
 * table keeps rows from being deleted. */
#define SQL_TABLE                                                                                  \
    "SELECT n.nspname, c.relkind IN ('r', 'p'), EXISTS (SELECT 1 FROM pg_index i"                  \
    "  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"                  \
    "  WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL"          \
    "  AND a.attname = {'id'} AND (i.indnkeyatts = 1 OR c.relkind = 'p')),"                        \
    " CASE WHEN row_security_active(c.oid) AND (NOT EXISTS (SELECT 1 FROM mine"                    \
    "   WHERE polpermissive AND polcmd = '*' AND shows = 'true')"                                  \
    "  OR EXISTS (SELECT 1 FROM mine WHERE NOT polpermissive AND shows <> 'true'))"                \
    "  THEN quote_ident(current_user) END,"                                                        \
    " (SELECT conrelid::regclass FROM pg_constraint WHERE confrelid = c.oid AND contype = 'f'"     \
    "  AND confdeltype IN ('a', 'r') LIMIT 1)"                                                     \
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"                               \
    " WHERE c.oid = to_regclass({'outbox'})"

/* The policies that are for us. */
#define SQL_MINE                                                                                   \
    "WITH mine AS (SELECT polpermissive, polcmd,"                                                  \
    "  coalesce(pg_get_expr(polqual, polrelid), 'true') AS shows FROM pg_policy"                   \
    "  WHERE polrelid = to_regclass({'outbox'}) AND polcmd IN ('*', 'r', 'w', 'd')"                \
    "  AND EXISTS (SELECT 1 FROM unnest(polroles) AS p(role)"                                      \
    "   WHERE role = 0 OR pg_has_role(role, 'USAGE'))) "

int inspect_ask(Postgres *postgres, const char *sql, const Mapping *mapping, PGresult **ret_result,
                Error *reterr)
{
    DEFER(text_done) Text text = TEXT_MAX(STATEMENT_TEXT_MAX);

    sql_render(sql, mapping, &text);
    assert(!text.full);
    return postgres_ask(postgres, text_get(&text), ret_result, reterr);
}

static bool is_true(const PGresult *result, int row, int column)
{
    return text_eq(PQgetvalue(result, row, column), "t");
}

int inspect_version(Postgres *postgres, Mapping *mapping, int64_t *ret_version, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    if (inspect_ask(postgres, STATEMENT_SCHEMA, mapping, &result, reterr) < 0)
        return -1;
    *ret_version = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    if (*ret_version > 0)
        mapping->adopted = is_true(result, 0, 1);
    return 0;
}

/* Is the schema the one that our statements are written for? */
static int check_version(Postgres *postgres, Mapping *mapping, Error *reterr)
{
    int64_t found = 0;
    int64_t want = (int64_t)migration_count();
    char table[SHOWN_SIZE];

    mapping_shown(mapping, table, sizeof table);
    int r = inspect_version(postgres, mapping, &found, reterr);
    if (r < 0 && reterr->kind != ERROR_INVALID)
        return -1;
    if (r < 0 || found == 0)
        return error_set(reterr, ERROR_INVALID,
                         "the database has no outbox by the name of %s: run 'bulkhead-relay "
                         "migrate'",
                         table);
    if (found < want)
        return error_set(reterr, ERROR_INVALID,
                         "outbox %s has schema version %" PRId64 ", this relay needs %" PRId64
                         ": run 'bulkhead-relay migrate'",
                         table, found, want);
    if (found > want)
        return error_set(reterr, ERROR_UNSUPPORTED,
                         "outbox %s has schema version %" PRId64 ", this relay knows %" PRId64
                         ": upgrade the relay",
                         table, found, want);
    return 0;
}

DEFINE_DEFER(FoundColumn *, defer_columns, free)

int inspect_columns(Postgres *postgres, Mapping *mapping, bool migrating, bool *ret_exists,
                    Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    if (inspect_ask(postgres, SQL_COLUMNS, mapping, &result, reterr) < 0)
        return -1;
    size_t count = (size_t)PQntuples(result);
    DEFER(defer_columns) FoundColumn *found = xcalloc(count, sizeof(FoundColumn));
    for (size_t i = 0; i < count; i++)
        found[i] = (FoundColumn){
            .name = PQgetvalue(result, (int)i, 0),
            .type = PQgetvalue(result, (int)i, 1),
            .shown = PQgetvalue(result, (int)i, 2),
            .not_null = is_true(result, (int)i, 3),
        };
    *ret_exists = count > 0;
    return count > 0 ? mapping_fit(mapping, found, count, migrating, reterr) : 0;
}

static int check_table(Postgres *postgres, Mapping *mapping, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;
    char table[SHOWN_SIZE];

    mapping_shown(mapping, table, sizeof table);
    if (inspect_ask(postgres, SQL_MINE SQL_TABLE, mapping, &result, reterr) < 0)
        return -1;
    if (PQntuples(result) != 1 || !is_true(result, 0, 1))
        return error_set(reterr, ERROR_INVALID, "--table: %s is not a table", table);
    if (!is_true(result, 0, 2))
        return error_set(
            reterr, ERROR_INVALID,
            "column \"%s\" of table %s has no unique index of its own: without one the "
            "relay could mark a row that it did not send; CREATE UNIQUE INDEX",
            mapping->names.columns[MAPPED_ID], table);
    if (PQgetisnull(result, 0, 3) == 0)
        return error_set(reterr, ERROR_DENIED,
                         "row-level security may hide rows of %s from role %s: ALTER ROLE ... "
                         "BYPASSRLS, or CREATE POLICY ... FOR ALL TO ... USING (true)",
                         table, PQgetvalue(result, 0, 3));
    if (PQgetisnull(result, 0, 4) == 0)
        return error_set(reterr, ERROR_INVALID,
                         "table %s refers to rows of %s, which the relay could not delete, and one "
                         "such row would stop all: make the foreign key ON DELETE CASCADE or SET "
                         "NULL, or drop it",
                         PQgetvalue(result, 0, 4), table);
    /* A name alone could be that of a query's part. */
    if (mapping->schema[0] == '\0' && !text_eq(mapping->table, "outbox"))
        (void)snprintf(mapping->schema, sizeof mapping->schema, "%s", PQgetvalue(result, 0, 0));
    return 0;
}

/* Better known now than with the first row that has to be buried. */
static int check_rights(Postgres *postgres, const Mapping *mapping, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    if (inspect_ask(postgres, STATEMENT_RIGHTS, mapping, &result, reterr) < 0)
        return -1;
    if (PQntuples(result) > 0)
        return error_set(reterr, ERROR_DENIED, "the relay's role lacks the right to %s: GRANT it",
                         PQgetvalue(result, 0, 0));
    return 0;
}

int inspect_outbox(Postgres *postgres, Mapping *mapping, Error *reterr)
{
    bool exists = false;
    char table[SHOWN_SIZE];

    mapping_shown(mapping, table, sizeof table);
    if (check_version(postgres, mapping, reterr) < 0 ||
        inspect_columns(postgres, mapping, false, &exists, reterr) < 0)
        return -1;
    if (!exists)
        return error_set(reterr, ERROR_INVALID, "there is no table %s", table);
    if (check_table(postgres, mapping, reterr) < 0)
        return -1;
    return check_rights(postgres, mapping, reterr);
}

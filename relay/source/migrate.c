#include "migrate.h"

#include "statements.h"

/* Held for the session: whoever else migrates waits here. */
#define SQL_LOCK   "SELECT pg_advisory_lock(742, hashtext('bulkhead_outbox_schema'))"
#define SQL_UNLOCK "SELECT pg_advisory_unlock(742, hashtext('bulkhead_outbox_schema'))"

static int read_version(Postgres *postgres, int64_t *ret_version, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    if (postgres_ask(postgres, STATEMENT_SCHEMA, &result, reterr) < 0)
        return -1;
    *ret_version = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    return 0;
}

static int apply(Postgres *postgres, const Migration *migration, Error *reterr)
{
    DEFER(text_done) Text sql = TEXT_MAX(SCHEMA_TEXT_MAX);
    Error ignored;

    text_add(&sql, "BEGIN;\n");
    migration_sql(migration, &sql);
    schema_version_row(migration, &sql);
    text_add(&sql, "COMMIT;\n");
    assert(!sql.full);
    if (postgres_run(postgres, text_get(&sql), reterr) == 0)
        return 0;
    if (postgres_is_open(postgres))
        (void)!postgres_run(postgres, "ROLLBACK", &ignored);
    return error_wrap(reterr, "migration %d (%s)", migration->version, migration->name);
}

static int apply_missing(Postgres *postgres, MigratedFn *applied, void *context, Error *reterr)
{
    DEFER(text_done) Text table = TEXT_MAX(SCHEMA_TEXT_MAX);
    int64_t version = 0;

    schema_version_table(&table);
    if (postgres_run(postgres, text_get(&table), reterr) < 0 ||
        read_version(postgres, &version, reterr) < 0)
        return -1;
    if (version > (int64_t)migration_count())
        return error_set(reterr, ERROR_UNSUPPORTED,
                         "the outbox has schema version %" PRId64 ", this program knows %zu: use a "
                         "newer one",
                         version, migration_count());
    for (size_t i = (size_t)version; i < migration_count(); i++) {
        if (apply(postgres, migration_at(i), reterr) < 0)
            return -1;
        applied(context, migration_at(i));
    }
    return 0;
}

int migrate(Postgres *postgres, MigratedFn *applied, void *context, Error *reterr)
{
    Error ignored;

    if (postgres_run(postgres, SQL_LOCK, reterr) < 0)
        return -1;
    int r = apply_missing(postgres, applied, context, reterr);
    if (postgres_is_open(postgres))
        (void)!postgres_run(postgres, SQL_UNLOCK, &ignored);
    return r;
}

#include "migrate.h"

#include "inspect.h"

/* Held for the transaction, so that it works behind a pooler, too. */
#define SQL_LOCK "SELECT pg_advisory_xact_lock(742, hashtext('bulkhead_outbox_schema'))"

/* Where nothing was applied yet, the table decides whose it is. */
static int look(Postgres *postgres, Mapping *mapping, int64_t version, Error *reterr)
{
    bool exists = false;
    char table[2 * IDENTIFIER_MAX];

    if (inspect_columns(postgres, mapping, true, &exists, reterr) < 0)
        return -1;
    if (version == 0)
        mapping->adopted = exists;
    mapping_shown(mapping, table, sizeof table);
    if (!exists && !mapping_is_ours(mapping))
        return error_set(reterr, ERROR_NOT_FOUND,
                         "there is no table %s for the columns that --column-... name", table);
    return 0;
}

static int apply(Postgres *postgres, const Migration *migration, const Mapping *mapping,
                 Error *reterr)
{
    DEFER(text_done) Text sql = TEXT_MAX(SCHEMA_TEXT_MAX);

    migration_sql(migration, mapping, &sql);
    schema_version_row(migration, mapping, &sql);
    assert(!sql.full);
    if (postgres_run(postgres, text_get(&sql), reterr) < 0)
        return error_wrap(reterr, "migration %d (%s)", migration->version, migration->name);
    return 0;
}

static int apply_missing(Postgres *postgres, Mapping *mapping, int64_t *ret_version, Error *reterr)
{
    DEFER(text_done) Text table = TEXT_MAX(SCHEMA_TEXT_MAX);

    schema_version_table(mapping, &table);
    if (postgres_run(postgres, SQL_LOCK, reterr) < 0 ||
        postgres_run(postgres, text_get(&table), reterr) < 0 ||
        inspect_version(postgres, mapping, ret_version, reterr) < 0)
        return -1;
    if (*ret_version > (int64_t)migration_count())
        return error_set(reterr, ERROR_UNSUPPORTED,
                         "the outbox has schema version %" PRId64 ", this program knows %zu: use a "
                         "newer one",
                         *ret_version, migration_count());
    if (look(postgres, mapping, *ret_version, reterr) < 0)
        return -1;
    for (size_t i = (size_t)*ret_version; i < migration_count(); i++) {
        if (apply(postgres, migration_at(i), mapping, reterr) < 0)
            return -1;
    }
    return 0;
}

int migrate(Postgres *postgres, const Mapping *mapping, MigratedFn *applied, void *context,
            Error *reterr)
{
    Mapping fitted = *mapping;
    int64_t version = 0;
    Error ignored;

    if (postgres_run(postgres, "BEGIN", reterr) < 0)
        return -1;
    if (apply_missing(postgres, &fitted, &version, reterr) < 0) {
        if (postgres_is_open(postgres))
            (void)!postgres_run(postgres, "ROLLBACK", &ignored);
        return -1;
    }
    if (postgres_run(postgres, "COMMIT", reterr) < 0)
        return -1;
    for (size_t i = (size_t)version; i < migration_count(); i++)
        applied(context, migration_at(i));
    return 0;
}

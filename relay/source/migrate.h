/* Brings the outbox's tables up to date. */
#ifndef MIGRATE_H
#define MIGRATE_H

#include "postgres.h"
#include "schema.h"

typedef void MigratedFn(void *context, const Migration *migration);

/* Applies the migrations that the database lacks, all in one transaction, then calls APPLIED for
 * each. A table of that name that is there already, and was never migrated, is adopted: it keeps
 * its columns and gets those of the relay's that it lacks. Several at once are safe: one works, the
 * others wait and find nothing to do. ERROR_UNSUPPORTED if the database is ahead of this program.
 */
int migrate(Postgres *postgres, const Mapping *mapping, MigratedFn *applied, void *context,
            Error *reterr) MUST_CHECK;

#endif

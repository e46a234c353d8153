/* Brings the outbox's tables up to date. */
#ifndef MIGRATE_H
#define MIGRATE_H

#include "postgres.h"
#include "schema.h"

typedef void MigratedFn(void *context, const Migration *migration);

/* Applies the migrations that the database lacks, each in a transaction of its own, and calls
 * APPLIED after each. Several at once are safe: one works, the others wait and find nothing to
 * do. ERROR_UNSUPPORTED if the database is ahead of this program. */
int migrate(Postgres *postgres, MigratedFn *applied, void *context, Error *reterr) MUST_CHECK;

#endif

/* Looks at the tables before anything is done with them: what is wrong with them is said at the
 * start, by a sentence for the one who can change it. */
#ifndef INSPECT_H
#define INSPECT_H

#include "mapping.h"
#include "postgres.h"

/* Runs SQL, a template (sql_template.h), and hands out its rows as text. */
int inspect_ask(Postgres *postgres, const char *sql, const Mapping *mapping, PGresult **ret_result,
                Error *reterr) MUST_CHECK;

/* The version of the schema, 0 if none was applied; ERROR_INVALID if there is no table of versions.
 * Sets mapping->adopted if there is one. */
int inspect_version(Postgres *postgres, Mapping *mapping, int64_t *ret_version, Error *reterr)
    MUST_CHECK;

/* Fits MAPPING to the columns of its table (mapping.h). RET_EXISTS: there is such a table. */
int inspect_columns(Postgres *postgres, Mapping *mapping, bool migrating, bool *ret_exists,
                    Error *reterr) MUST_CHECK;

/* All of it for a relay: the schema's version, the columns, whether rows can be told apart, whether
 * the role sees them all and may change them. ERROR_INVALID, ERROR_UNSUPPORTED or ERROR_DENIED. */
int inspect_outbox(Postgres *postgres, Mapping *mapping, Error *reterr) MUST_CHECK;

#endif

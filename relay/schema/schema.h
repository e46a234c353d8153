/* The outbox's tables as numbered migrations, compiled in from the .sql files beside this. */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "mapping.h"
#include "text.h"

enum { SCHEMA_TEXT_MAX = 1 << 20 };

typedef struct Migration {
    int version; /* 1 and up, without gaps */
    const char *name;
    const char *const *lines; /* NULL ends them; each with its line end */
} Migration;

size_t migration_count(void);
const Migration *migration_at(size_t i);

/* The SQL of one migration, for the table of MAPPING. */
void migration_sql(const Migration *migration, const Mapping *mapping, Text *text);

/* The table that says which migrations were applied, and the row that a migration adds. */
void schema_version_table(const Mapping *mapping, Text *text);
void schema_version_row(const Migration *migration, const Mapping *mapping, Text *text);

/* All of it, as a script for psql that leaves the same state as `bulkhead-relay migrate`. */
void schema_print(const Mapping *mapping, Text *text);

#endif

/* Every statement of the relay, as templates (sql_template.h). */
#ifndef STATEMENTS_H
#define STATEMENTS_H

#include "base.h"

enum { STATEMENT_TEXT_MAX = 64 * 1024 };

typedef struct Statement {
    const char *name;
    const char *sql; /* may render to nothing, where a table has nothing to do it with */
} Statement;

size_t statement_count(void);
const Statement *statement_at(size_t i);

/* The version of the schema that they are written for, and whether the table was adopted. */
#define STATEMENT_SCHEMA                                                                           \
    "SELECT coalesce(max(version), 0), coalesce(bool_or(adopted), false)"                          \
    " FROM {bulkhead_outbox_schema}"

/* The rights that are missing, as "INSERT on outbox_dead"; no row: none. */
#define STATEMENT_RIGHTS                                                                           \
    "SELECT r || ' on ' || t FROM (VALUES ({'outbox'}, 'SELECT'), ({'outbox'}, 'UPDATE'),"         \
    " ({'outbox'}, 'DELETE'), ({'outbox_dead'}, 'SELECT'), ({'outbox_dead'}, 'INSERT'),"           \
    " ({'outbox_lane'}, 'SELECT'), ({'outbox_lane'}, 'INSERT'), ({'outbox_lane'}, 'UPDATE'))"      \
    " AS want(t, r) WHERE NOT has_table_privilege(t, r) LIMIT 1"

#endif

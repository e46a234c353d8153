/* Every statement of the relay. */
#ifndef STATEMENTS_H
#define STATEMENTS_H

#include "base.h"

typedef struct Statement {
    const char *name;
    const char *sql;
} Statement;

size_t statement_count(void);
const Statement *statement_at(size_t i);

/* The version of the schema that they are written for. */
#define STATEMENT_SCHEMA "SELECT coalesce(max(version), 0) FROM bulkhead_outbox_schema"

#endif

#include "schema.h"

/* Made by the Makefile from relay/schema/NNNN_name.sql: arrays of lines, and the list of them. */
#include "migrations.inc"

size_t migration_count(void)
{
    return ARRAY_SIZE(migrations);
}

const Migration *migration_at(size_t i)
{
    assert(i < ARRAY_SIZE(migrations));
    return &migrations[i];
}

void migration_sql(const Migration *migration, Text *text)
{
    for (const char *const *line = migration->lines; *line != NULL; line++)
        text_add(text, *line);
}

void schema_version_table(Text *text)
{
    text_add(text, "CREATE TABLE IF NOT EXISTS bulkhead_outbox_schema (\n"
                   "    version    integer PRIMARY KEY,\n"
                   "    name       text NOT NULL,\n"
                   "    applied_at timestamptz NOT NULL DEFAULT now()\n"
                   ");\n");
}

void schema_version_row(const Migration *migration, Text *text)
{
    text_addf(text, "INSERT INTO bulkhead_outbox_schema (version, name) VALUES (%d, '%s');\n",
              migration->version, migration->name);
}

void schema_print(Text *text)
{
    text_add(text, "BEGIN;\n");
    schema_version_table(text);
    for (size_t i = 0; i < ARRAY_SIZE(migrations); i++) {
        text_addf(text, "\n-- Migration %d: %s\n", migrations[i].version, migrations[i].name);
        migration_sql(&migrations[i], text);
        schema_version_row(&migrations[i], text);
    }
    text_add(text, "COMMIT;\n");
}

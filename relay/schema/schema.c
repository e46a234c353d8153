#include "schema.h"

#include "sql_template.h"

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

void migration_sql(const Migration *migration, const Mapping *mapping, Text *text)
{
    DEFER(text_done) Text sql = TEXT_MAX(SCHEMA_TEXT_MAX);

    for (const char *const *line = migration->lines; *line != NULL; line++)
        text_add(&sql, *line);
    assert(!sql.full);
    sql_render(text_get(&sql), mapping, text);
}

void schema_version_table(const Mapping *mapping, Text *text)
{
    sql_render("CREATE TABLE IF NOT EXISTS {bulkhead_outbox_schema} (\n"
               "    version    integer PRIMARY KEY,\n"
               "    name       text NOT NULL,\n"
               "    adopted    boolean NOT NULL, -- the table was there before, an application's\n"
               "    applied_at timestamptz NOT NULL DEFAULT now()\n"
               ");\n",
               mapping, text);
}

void schema_version_row(const Migration *migration, const Mapping *mapping, Text *text)
{
    sql_render("INSERT INTO {bulkhead_outbox_schema} (version, name, adopted) VALUES ", mapping,
               text);
    text_addf(text, "(%d, '%s', %s);\n", migration->version, migration->name,
              mapping->adopted ? "true" : "false");
}

void schema_print(const Mapping *mapping, Text *text)
{
    text_add(text, "BEGIN;\n");
    schema_version_table(mapping, text);
    for (size_t i = 0; i < ARRAY_SIZE(migrations); i++) {
        text_addf(text, "\n-- Migration %d: %s\n", migrations[i].version, migrations[i].name);
        migration_sql(&migrations[i], mapping, text);
        schema_version_row(&migrations[i], mapping, text);
    }
    text_add(text, "COMMIT;\n");
}

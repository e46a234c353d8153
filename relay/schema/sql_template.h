/* SQL that is written for our names, made for the table and columns of a mapping. Pure.
 *
 *   {outbox} {outbox_dead}  a table, with its schema; "outbox" stands for the table's own name
 *   {~outbox_ready}         the same without the schema, as for the name of an index
 *   {'outbox'} {'id'}       a table's or a column's name as a literal
 *   {tenant_id}             a column
 *   {o.tenant_id}           the value of a column of `o`, in the type that the relay reads; what
 *                           stands for it where the table has no such column
 *   {'pending'}             a value of status as a literal
 *   {?headers} ... {/}      only where the table has that column; {?+headers}: where migrate is to
 *                           add it to an adopted table; {?made}, {?adopted}: only for such a table.
 *                           They do not nest
 *
 * Other braces mean themselves. */
#ifndef SQL_TEMPLATE_H
#define SQL_TEMPLATE_H

#include "mapping.h"
#include "text.h"

void sql_render(const char *sql, const Mapping *mapping, Text *text);

/* NAME in double quotes, VALUE in single ones, whatever is in them. */
void sql_identifier(const char *name, Text *text);
void sql_literal(const char *value, Text *text);

#endif

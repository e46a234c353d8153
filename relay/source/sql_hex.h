/* Texts from outside as a part of a statement, for connections that run plain SQL (postgres_ask).
 */
#ifndef SQL_HEX_H
#define SQL_HEX_H

#include "base.h"

/* TEXT, which is UTF-8, as a literal of hexadecimal digits alone, so that nothing in it can be
 * taken for SQL, or for a part of a template. The caller frees it. */
char *sql_hex_text(const char *text) __attribute__((__returns_nonnull__));

#endif

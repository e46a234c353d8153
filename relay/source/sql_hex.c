#include "sql_hex.h"

#include "text.h"

enum { LITERAL_MAX = 64 * 1024 };

char *sql_hex_text(const char *text)
{
    Text literal = TEXT_MAX(LITERAL_MAX);

    text_add(&literal, "E'");
    for (const char *c = text; *c != '\0'; c++)
        text_addf(&literal, "\\x%02x", (unsigned)(unsigned char)*c);
    text_add(&literal, "'");
    assert(!literal.full);
    return text_take(&literal);
}

/* Times as RFC 3339 writes them, to milliseconds since 1970. Pure. */
#ifndef RFC3339_H
#define RFC3339_H

#include "base.h"

/* "2026-11-23T12:00:00Z", "2026-11-23T13:00:00.123+01:00"; false for anything else. */
bool rfc3339_parse(const char *text, int64_t *ret_ms);

#endif

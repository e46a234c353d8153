/* NKeys: what a user proves himself with to NATS. A seed ("SU...") is secret; its public key
 * ("U...") is what the server knows. */
#ifndef NKEY_H
#define NKEY_H

#include "base.h"
#include "error.h"

enum { NKEY_PUBLIC_SIZE = 57 };

/* The public key of the first user's seed that stands in TEXT, as a line or a word of its own.
 * ERROR_INVALID where there is none, or a damaged one; the message shows nothing of it. */
int nkey_public(const char *text, char ret_public[NKEY_PUBLIC_SIZE], Error *reterr) MUST_CHECK;

#endif

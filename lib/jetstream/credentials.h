/* When the credentials of a file end: a server that refuses them says no more than that. */
#ifndef CREDENTIALS_H
#define CREDENTIALS_H

#include "base.h"

/* The second since 1970 at which the user's JWT in TEXT, a credentials file, ends; 0 if it does
 * not, or if there is none. Its signature is the server's to check. Pure. */
int64_t credentials_end(const char *text);

#endif

/* What a NATS server says of itself before anyone logs in: the INFO line.
 *
 * nats.c 3.4 reads it and shows neither the version nor the cluster, and JetStream tells its
 * level only since 2.11, so the line is read once more over a connection of its own. */
#ifndef GREETING_H
#define GREETING_H

#include "base.h"
#include "error.h"

typedef struct Greeting {
    char version[32];
    bool clustered;
} Greeting;

/* URL is one server's, as nats.c shows it. ERROR_BUSY when it does not answer within seconds,
 * ERROR_UNSUPPORTED when it greets in no way that NATS servers do (TLS before anything else). */
int greeting_read(const char *url, Greeting *ret_greeting, Error *reterr) MUST_CHECK;

/* "2.15.2" is at least (2, 10). False for what is no version. */
bool version_at_least(const char *version, int major, int minor);

#endif

/* What an advisory of JetStream says about a tenant. Pure. */
#ifndef ADVISORY_H
#define ADVISORY_H

#include "subject.h"

typedef struct Advisory {
    const char *subject; /* that it came on */
    const char *payload;
    size_t length;
} Advisory;

/* True if somebody other than the client named SELF changed the stream, or a consumer, of the
 * tenant that it names: worth a look. Reads, refused requests and our own writes are not. */
bool advisory_concerns(const Advisory *advisory, const char *self,
                       char ret_tenant_id[TENANT_ID_MAX + 1]);

#endif

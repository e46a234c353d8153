/* Reads what JetStream has for a tenant. */
#ifndef OBSERVE_H
#define OBSERVE_H

#include "connection.h"
#include "observed.h"

/* STREAM, and its consumers page by page. A stream that does not exist is no error. Errors as of
 * api_request(). *ret_observed is the caller's (observed_done). */
int observe(NatsConnection *nats, const char *stream, Observed *ret_observed, Error *reterr)
    MUST_CHECK;

#endif

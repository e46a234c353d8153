/* What a JetStream error means to us: its code becomes an ErrorKind. Pure. */
#ifndef API_ERROR_H
#define API_ERROR_H

#include "error.h"
#include "json.h"

/* JetStream's err_code numbers that somebody here asks for by name (server/errors.json). */
enum {
    JS_CONSUMER_NOT_FOUND = 10014,
    JS_STREAM_NOT_FOUND = 10059,
    JS_STREAM_NAME_IN_USE = 10058,
    JS_STREAM_MISMATCH = 10060,
};

/* ERROR_KIND for a code; ERROR_REFUSED for one that is not listed and below 500, else ERROR_BUSY.
 */
ErrorKind api_error_kind(int64_t err_code, int64_t http_code);

/* 0 if REPLY carries no error; -1, with the server's text and code, if it does. */
int api_error_read(const cJSON *reply, Error *reterr) MUST_CHECK;

#endif

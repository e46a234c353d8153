/* When a certificate of ours ends. A server that refuses it only closes the connection, so that we
 * have to say it ourselves. */
#ifndef CERTIFICATE_H
#define CERTIFICATE_H

#include "base.h"

enum { CERTIFICATE_TIME_SIZE = 32 };

/* True if the first certificate in the PEM file PATH has ended; *ret_end, in RFC 3339, says when.
 * False also where there is none. */
bool certificate_has_expired(const char *path, char ret_end[CERTIFICATE_TIME_SIZE]);

#endif

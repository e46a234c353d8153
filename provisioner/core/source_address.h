/* Who sent a request: the address at the other end, or the one that a proxy of ours names. Pure. */
#ifndef SOURCE_ADDRESS_H
#define SOURCE_ADDRESS_H

#include "error.h"

enum { SOURCE_SIZE = 48, NETWORKS_MAX = 64 };

typedef struct Network {
    unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    int bits;
} Network;

typedef struct Networks {
    Network items[NETWORKS_MAX];
    size_t count;
} Networks;

/* "10.0.0.0/8, fd00::/8, 192.0.2.1". ERROR_INVALID, naming the part that is none. */
int networks_parse(const char *text, Networks *ret_networks, Error *reterr) MUST_CHECK;

/* The source of a request: PEER, unless it is one of the proxies; then the last address of
 * X-Forwarded-For (may be NULL) that is not one of them, since what stands before it is anyone's
 * word. An IPv6 address is cut to its /64, of which a client has all. */
void source_address(const char *peer, const char *forwarded, const Networks *proxies,
                    char ret_source[SOURCE_SIZE]);

#endif

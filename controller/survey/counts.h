/* The numbers of every tenant's stream and consumers, put together from what the servers of a
 * cluster answer to JSZ. Pure.
 *
 * Each replica of a stream or consumer reports it, but only its leader knows what is pending, and
 * the leaders of a stream and of its consumers may sit on different servers. */
#ifndef COUNTS_H
#define COUNTS_H

#include "numbers.h"

enum { COUNTS_SERVERS_MAX = 64, COUNTS_NAME_SIZE = 64, COUNTS_ID_SIZE = 64 };

/* What a server has for streams: bytes; -1 where it does not say. */
typedef struct ServerStore {
    char name[COUNTS_NAME_SIZE];
    char id[COUNTS_ID_SIZE]; /* one token of a subject, to ask this server alone */
    int64_t max_file;
    int64_t reserved_file;
    int64_t max_memory;
    int64_t reserved_memory;
} ServerStore;

/* One round of questions. */
typedef struct Counts Counts;

Counts *counts_new(void) __attribute__((__returns_nonnull__));
void counts_free(Counts *self); /* takes NULL */
DEFINE_DEFER(Counts *, defer_counts, counts_free)

/* The body of the request, for one account's streams; the caller frees it. */
char *counts_request(const char *account) __attribute__((__returns_nonnull__));

/* Takes in what a server says of itself and its cluster: LENGTH bytes, its answer to a JSZ request
 * that asks for no account. ERROR_INVALID, ERROR_BUG for what is no such answer, ERROR_LIMIT. */
int counts_add_server(Counts *self, const char *text, size_t length, Error *reterr) MUST_CHECK;

/* Takes in a server's answer to counts_request(), without ever having a tree of it. ERROR_INVALID
 * for what is not JSON: the streams before that place are counted. ERROR_BUG as above. */
int counts_add_streams(Counts *self, const char *text, size_t length, Error *reterr) MUST_CHECK;

/* True once as many servers have answered as the cluster has that are up, as far as it is known. */
bool counts_complete(const Counts *self);

/* Servers that answered. */
size_t counts_servers(const Counts *self, const ServerStore **ret_servers);

/* Calls EACH with every tenant and its numbers. A tenant whose stream has no leader at the moment
 * is left out, a consumer likewise. */
typedef void CountsFn(void *context, const char *tenant_id, const Numbers *numbers);
void counts_each(const Counts *self, CountsFn *each, void *context);

#endif

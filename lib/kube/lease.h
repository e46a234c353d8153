/* A Lease in the cluster: taken, renewed, given back. The rules are lease_rule.h's. */
#ifndef LEASE_H
#define LEASE_H

#include "kube_client.h"
#include "lease_rule.h"

typedef struct LeaseSettings {
    KubeClient *client;
    const char *namespace;
    const char *name;
    const char *holder; /* who we are: one of a kind, also across restarts */
    int stop_fd;        /* readable: a request under way is given up       */
} LeaseSettings;

typedef struct Lease Lease;

/* What SETTINGS points to is borrowed. Nothing is asked yet. */
Lease *lease_new(const LeaseSettings *settings) __attribute__((__returns_nonnull__));

/* Takes NULL. */
void lease_free(Lease *self);

/* One try to take or renew it; a holder writes at once, without reading. RET_HELD says whether it
 * is ours; when it is, *ret_sent_ms is the clock_ms() at which the request was sent, from which
 * its time counts. A record that somebody else touched or deleted is written once more, as long as
 * nobody else holds it. Errors of the API server; a lost race is none, but not held. */
int lease_try(Lease *self, bool *ret_held, int64_t *ret_sent_ms, Error *reterr) MUST_CHECK;

/* Gives it back, if it is ours. Only when all work that it allows has ended. */
int lease_release(Lease *self, Error *reterr) MUST_CHECK;

/* How often a holder that wrote at once, without reading, was refused and had to look. */
uint64_t lease_slow_paths(const Lease *self);

/* Who holds it, as last seen; "" for nobody. */
const char *lease_holder(const Lease *self);

#endif

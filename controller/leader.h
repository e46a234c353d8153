/* One controller acts at a time: the thread that takes and keeps the Lease.
 *
 * A standby keeps its cache and queue warm and has no workers; losing the lease ends the process,
 * and before that every write. */
#ifndef LEADER_H
#define LEADER_H

#include "kube_client.h"
#include "pulse.h"

typedef struct LeaderSettings {
    KubeClient *client;
    const char *namespace;
    const char *lease;                 /* its name */
    const char *holder;                /* our name, one of a kind */
    void (*on_elected)(void *context); /* called once, from the leader's thread */
    void *context;
    Pulse *pulse; /* of the thread; NULL: nobody asks */
} LeaderSettings;

typedef struct Leader Leader;

/* Runs until a stop is requested (stop.h), and requests one itself when the lease is lost. */
Leader *leader_start(const LeaderSettings *settings) __attribute__((__returns_nonnull__));

/* True while the lease is ours by our own clock: ask right before each write. */
bool leader_may_write(Leader *self);

/* NULL, or why this leader is not alive: it holds a lease that it no longer renews. */
const char *leader_alive(Leader *self);

/* Waits for the thread's end: nobody is elected any more. Takes NULL. */
void leader_join(Leader *self);

/* Gives the lease back, once all writing has ended, and frees. False if it was lost before. Takes
 * NULL. */
bool leader_finish(Leader *self);

/* leader_election_master_status. Call once, from main. */
void leader_register_metrics(void);

#endif

/* Who may act: the rules of a Lease (coordination.k8s.io/v1), with client-go's values. Pure.
 *
 * Clocks of different machines are never compared: a lease has expired when its record has not
 * changed for as long as it says, by our own monotonic clock (kubernetes.md B4). */
#ifndef LEASE_RULE_H
#define LEASE_RULE_H

#include "json.h"

enum {
    LEASE_DURATION_MS = 15000,       /* others wait that long before they take over     */
    LEASE_RENEW_DEADLINE_MS = 10000, /* a holder that could not renew for so long stops */
    LEASE_WEDGED_MS = 20000,         /* and one that did not stop then hangs            */
    LEASE_RETRY_MS = 2000,           /* between two tries, plus up to a fifth           */
    LEASE_HOLDER_SIZE = 256,
    LEASE_RECORD_SIZE = 512,
};

/* The record as it was last seen, and since when it has been like that. */
typedef struct LeaseView {
    char holder[LEASE_HOLDER_SIZE]; /* "": nobody, it was released */
    int64_t duration_ms;
    int64_t transitions;
    char record[LEASE_RECORD_SIZE]; /* all that a holder writes: another text, another record */
    int64_t seen_ms;                /* by our clock: when it became what it is               */
} LeaseView;

/* Reads OBJECT, a Lease, into VIEW (zeroed before the first time). */
void lease_view_update(LeaseView *view, const cJSON *object, int64_t now_ms);

typedef enum LeaseMove {
    LEASE_WAIT,  /* somebody else holds it       */
    LEASE_TAKE,  /* nobody does, or no longer    */
    LEASE_RENEW, /* it is ours                   */
} LeaseMove;

LeaseMove lease_move(const LeaseView *view, const char *me, int64_t now_ms);

/* The spec to write for a move: ours from NOW (RFC 3339 with microseconds). With LEASE_RENEW the
 * time of acquisition in OLD (may be NULL) stays. */
typedef struct LeaseWrite {
    LeaseMove move;
    const char *me;
    const char *now;
    const cJSON *old; /* spec */
} LeaseWrite;

cJSON *lease_spec(const LeaseWrite *write) __attribute__((__returns_nonnull__));

/* The spec that gives it back: anyone may take it at once. */
cJSON *lease_spec_released(const cJSON *old, const char *now) __attribute__((__returns_nonnull__));

/* True if a holder whose last renewal was sent at RENEWED_MS may still write. */
bool lease_is_valid(int64_t renewed_ms, int64_t now_ms);

/* True if a holder should have ended long ago: whoever renews hangs. */
bool lease_is_wedged(int64_t renewed_ms, int64_t now_ms);

#endif

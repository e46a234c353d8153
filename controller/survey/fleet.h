/* What is known of all tenants at once, from looks that no single tenant's pass could pay for: the
 * sweep over all streams, the numbers that the servers report, and the relays. Threads share it. */
#ifndef FLEET_H
#define FLEET_H

#include "counts.h"
#include "isolation.h"
#include "observed.h"
#include "outbox_board.h"
#include "surroundings.h"

typedef struct Fleet Fleet;

/* Gets each tenant that something new is known of; NULL: perhaps of every one. It must only
 * enqueue: the fleet is locked. */
typedef void FleetChanged(void *context, const char *tenant_id);

Fleet *fleet_new(FleetChanged *changed, void *context) __attribute__((__returns_nonnull__));
void fleet_free(Fleet *self); /* takes NULL */

/* All streams were looked at: takes ISOLATION over. */
void fleet_swept(Fleet *self, Isolation *isolation);

/* The servers were asked for their numbers, as happens every INTERVAL_MS. COUNTS is borrowed. */
void fleet_counted(Fleet *self, const Counts *counts, int64_t interval_ms);

/* A relay reports. ERROR_INVALID, ERROR_LIMIT. */
int fleet_report(Fleet *self, const char *text, size_t length, Error *reterr) MUST_CHECK;

/* Forgets what is too old; now and then. */
void fleet_expire(Fleet *self);

void fleet_look(Fleet *self, const char *tenant_id, Surroundings *ret_surroundings);

/* The tenant's numbers if they were counted lately, as much as status_recount() needs; false if
 * not. *ret_observed is the caller's (observed_done). */
bool fleet_numbers(Fleet *self, const char *tenant_id, Observed *ret_observed);

/* True if the numbers of this tenant come by themselves. */
bool fleet_counts(Fleet *self, const char *tenant_id);

/* The servers' stores, as last counted; 0 if that is not known. At most COUNTS_SERVERS_MAX. */
size_t fleet_servers(Fleet *self, ServerStore ret_servers[COUNTS_SERVERS_MAX]);

#endif

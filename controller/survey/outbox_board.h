/* What the relays say of the tenants' rows: the newest of each outbox, added up. Pure: the time is
 * handed in, and fleet.c holds the lock. */
#ifndef OUTBOX_BOARD_H
#define OUTBOX_BOARD_H

#include "relay_report.h"
#include "surroundings.h"

typedef struct OutboxBoard OutboxBoard;

/* Gets the tenant whose numbers are others now; NULL: that may be true of every one. */
typedef void OutboxChanged(void *context, const char *tenant_id);

OutboxBoard *outbox_board_new(int64_t now_ms, OutboxChanged *changed, void *context)
    __attribute__((__returns_nonnull__));
void outbox_board_free(OutboxBoard *self); /* takes NULL */

/* Takes a report in. One that was counted before the last one of its database is left aside.
 * ERROR_LIMIT when there are too many databases. */
int outbox_board_add(OutboxBoard *self, const RelayReport *report, int64_t now_ms, Error *reterr)
    MUST_CHECK;

/* Drops the databases that no relay has spoken of for several of its intervals. */
void outbox_board_expire(OutboxBoard *self, int64_t now_ms);

/* The tenant's rows in all databases. */
OutboxKnown outbox_board_find(const OutboxBoard *self, const char *tenant_id, int64_t now_ms,
                              OutboxNumbers *ret_numbers);

#endif

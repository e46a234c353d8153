/* The outbox in PostgreSQL, as a worker uses it: one connection, one transaction a batch.
 *
 *     outbox_exchange:  [what became of the last batch, COMMIT] [BEGIN, lanes, rows]
 *
 * Both go out together and cost one round trip. There is no state "in progress": a row that a
 * relay works on is locked by its transaction, and free again when that ends, however it ends. */
#ifndef OUTBOX_H
#define OUTBOX_H

#include "lanes.h"
#include "mapping.h"
#include "postgres.h"
#include "row.h"
#include "settle.h"

typedef struct Outbox Outbox;

typedef struct OutboxSettings {
    const char *database_url;
    MappingNames names;
    OnPublished on_published;
} OutboxSettings;

/* Connects nothing yet. ERROR_INVALID for settings that can never work. */
int outbox_new(const OutboxSettings *settings, const PostgresWaiter *waiter, Outbox **ret_outbox,
               Error *reterr) MUST_CHECK;
void outbox_free(Outbox *self);
DEFINE_DEFER(Outbox *, defer_outbox, outbox_free)

/* Opens the connection, looks at the tables and prepares the statements. As postgres_open, and as
 * inspect_outbox. */
int outbox_open(Outbox *self, Error *reterr) MUST_CHECK;
void outbox_close(Outbox *self);
bool outbox_is_open(const Outbox *self);
Postgres *outbox_postgres(Outbox *self);

/* Tenants with rows. */
enum { DISCOVER_MAX = 256 };

typedef void FoundFn(void *context, const char *tenant, bool ready, bool due);

/* Tenants of which is known that they have ready rows: the search need not look at them. */
typedef struct KnownTenants {
    const char *names[DISCOVER_MAX];
    size_t count;
} KnownTenants;

typedef struct Finder {
    FoundFn *found;
    void *context;
} Finder;

/* Calls FINDER for the next tenants that have READY rows and are not among KNOWN, or DUE rows; the
 * search goes on where the last one ended. TENANT is any text that stands in the table. */
int outbox_discover(Outbox *self, const KnownTenants *known, const Finder *finder, Error *reterr)
    MUST_CHECK;

/* What came with one exchange. */
typedef struct Fetched {
    size_t row_count;
    const Row *rows;       /* by plan entry, then by id */
    const size_t *plan_of; /* the plan entry of each row */
    const bool *taken;     /* for each plan entry: another relay has that lane */
    const bool *limited;   /* for each plan entry: its rate may have kept rows back */
} Fetched;

/* Writes SETTLEMENT and ends the open transaction; then, unless PLAN is empty, opens the next and
 * fetches. *ret_fetched is valid until the next call. On an error nothing was fetched, and the
 * rows of a settlement that was not committed stay pending. */
int outbox_exchange(Outbox *self, const Settlement *settlement, const RoundPlan *plan,
                    Fetched *ret_fetched, Error *reterr) MUST_CHECK;

/* True while a transaction is open: exchange soon. */
bool outbox_in_transaction(const Outbox *self);

/* Buries the rows of a tenant_id that no tenant can have. The number of them. */
int outbox_bury_tenant(Outbox *self, const char *tenant, int64_t *ret_buried, Error *reterr)
    MUST_CHECK;

/* Writes WHY beside the tenant's first row, for those who look there, if it has a place for it. */
int outbox_note(Outbox *self, const char *tenant, const char *why, Error *reterr) MUST_CHECK;

#endif

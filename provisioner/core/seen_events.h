/* What this process handled: ids with their contents, and deletions. The Tenant's own history knows
 * its events; this also knows an id that comes again with another account in it, and what is left
 * of no Tenant. Each has a memory of its own, so that many events do not push out a deletion. Pure:
 * the time is handed in. */
#ifndef SEEN_EVENTS_H
#define SEEN_EVENTS_H

#include "account_event.h"
#include "recent.h"

typedef struct SeenEvents {
    Recent contents;
    Recent deletions;
} SeenEvents;

/* True if an event of this id had another content. */
bool seen_other_content(const SeenEvents *seen, const Event *event, int64_t now_ms);

/* True if the account of EVENT was deleted at its time or later. */
bool seen_deletion_since(const SeenEvents *seen, const Event *event, int64_t now_ms);

/* GONE: nothing is left of the account's Tenant, as EVENT wants it. */
void seen_add(SeenEvents *seen, const Event *event, bool gone, int64_t until_ms);

#endif

/* A small memory of this process: texts, each with a number, for a while. What it forgets is only
 * missed, never wrong. Of fixed size, so that no traffic makes it grow. Pure: the time is handed
 * in. */
#ifndef RECENT_H
#define RECENT_H

#include "base.h"

enum { RECENT_SETS = 4096, RECENT_WAYS = 4 };

typedef struct RecentEntry {
    uint64_t key; /* half of a SHA-256 is enough of it */
    uint64_t check;
    uint64_t value;
    int64_t until_ms; /* 0: free */
} RecentEntry;

typedef struct Recent {
    RecentEntry entries[RECENT_SETS][RECENT_WAYS];
} Recent;

/* True with the value that was put under KEY and is still valid. */
bool recent_find(const Recent *recent, const char *key, int64_t now_ms, uint64_t *ret_value);

/* Of those that share its place, the one that is valid for the shortest time goes. */
void recent_put(Recent *recent, const char *key, uint64_t value, int64_t until_ms);

#endif

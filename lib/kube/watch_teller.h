/* Tells a watch's handler what came, and remembers what was told: whether a list is under way,
 * and the version to go on from. No IO; watch_fetch.c brings the bytes. */
#ifndef WATCH_TELLER_H
#define WATCH_TELLER_H

#include "watch.h"
#include "watch_events.h"
#include "watch_rule.h"

typedef struct WatchTeller {
    const WatchHandler *handler;
    const WatchTarget *target;
    WatchState state;
    char *version; /* the last one told of; "" before the first sync  */
    bool moved;    /* something new was told since this was set false */
} WatchTeller;

void watch_teller_init(WatchTeller *teller, const WatchTarget *target, const WatchHandler *handler);
void watch_teller_done(WatchTeller *teller);

void watch_teller_begin(WatchTeller *teller);

/* Whatever is no error; its object is taken. The bookmark that ends the initial events ends the
 * list. */
void watch_teller_event(WatchTeller *teller, WatchEvent *event);

/* The items of a page, which are taken from it. */
void watch_teller_page(WatchTeller *teller, const cJSON *list);

/* The list is whole as of VERSION. */
void watch_teller_synced(WatchTeller *teller, const char *version);

#endif

/* What a watch does next: from what it was doing and how that ended. Pure. */
#ifndef WATCH_RULE_H
#define WATCH_RULE_H

#include "base.h"
#include "json.h"

typedef enum WatchState {
    WATCH_STREAM_LIST, /* a watch that begins with every object, as one stream */
    WATCH_PAGE_LIST,   /* a list, page by page                                 */
    WATCH_FOLLOW,      /* a watch from the last version seen                   */
} WatchState;
enum { WATCH_STATES = WATCH_FOLLOW + 1 };

typedef enum WatchEnd {
    WATCH_SYNCED,  /* every object has been told                               */
    WATCH_CLOSED,  /* the stream ended, as streams do                          */
    WATCH_SHORT,   /* it ended within a second and brought nothing             */
    WATCH_GONE,    /* 410: our version is too old                              */
    WATCH_AHEAD,   /* 504: this server is older than our version               */
    WATCH_BUSY,    /* 429, 5xx                                                 */
    WATCH_AWAY,    /* no answer                                                */
    WATCH_INVALID, /* 400, 422: this server does not know such a request       */
    WATCH_REFUSED, /* 401, 403, 404, ...                                       */
    WATCH_GARBLED, /* an answer that cannot be read                            */
} WatchEnd;
enum { WATCH_ENDS = WATCH_GARBLED + 1 };

enum { WATCH_NEVER_TELL = 255 };

typedef struct WatchRule {
    WatchState next;
    bool rest;           /* back off before it */
    uint8_t quiet_tries; /* this many failures in a row are normal and not told */
    const char *why;
} WatchRule;

const WatchRule *watch_rule(WatchState state, WatchEnd end) __attribute__((__returns_nonnull__));

/* How an answer other than 2xx, or an ERROR event, ends it. STATUS may be NULL. */
WatchEnd watch_end_of(int64_t http_code, const cJSON *status);

#endif

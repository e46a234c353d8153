/* What a watch asks of the API server: one stream, or one list in pages. For watch.c. */
#ifndef WATCH_FETCH_H
#define WATCH_FETCH_H

#include "watch_lines.h"
#include "watch_teller.h"

typedef struct WatchFetch {
    KubeClient *client;
    WatchTeller *teller;
    int stop_fd;
    int page_size;

    /* How it ended: */
    Error error; /* for the ends that are failures */
    int64_t retry_after_ms;

    /* The stream under way: */
    KubeSink sink;
    WatchLines lines;
    bool opened;
    bool failed;
    WatchEnd failure;
} WatchFetch;

void watch_fetch_init(WatchFetch *fetch, KubeClient *client, WatchTeller *teller, int stop_fd);

/* A watch from the teller's version, or in its state STREAM_LIST from the beginning, until it
 * ends. */
WatchEnd watch_fetch_stream(WatchFetch *fetch);

/* A whole list. WATCH_SYNCED, or how it failed. */
WatchEnd watch_fetch_pages(WatchFetch *fetch);

bool watch_fetch_stopping(const WatchFetch *fetch);

#endif

/* Splits the watch's byte stream into lines. Pure; watch.c feeds it, watch_events.c reads them. */
#ifndef WATCH_LINES_H
#define WATCH_LINES_H

#include "base.h"
#include "error.h"
#include "text.h"

enum { WATCH_LINE_MAX = 8 << 20 };

typedef struct WatchLines {
    Text text;
    size_t taken;   /* bytes of it that were handed out          */
    size_t scanned; /* bytes of it that are known to have no end */
} WatchLines;

void watch_lines_init(WatchLines *lines, size_t max);
void watch_lines_done(WatchLines *lines);

/* ERROR_INVALID when a line is longer than the maximum. What an earlier watch_lines_next()
 * handed out is gone. */
int watch_lines_add(WatchLines *lines, const char *bytes, size_t length, Error *reterr) MUST_CHECK;

/* The next whole line without its end, borrowed; false when there is none yet. Empty lines are
 * skipped. */
bool watch_lines_next(WatchLines *lines, const char **ret_line, size_t *ret_length);

#endif

/* Rows that were published and are kept: making those of a time pending again. */
#ifndef PUBLISHED_ROWS_H
#define PUBLISHED_ROWS_H

#include "session.h"

enum { PUBLISHED_AT_SIZE = 32 };

typedef struct PublishedSpan {
    char since[PUBLISHED_AT_SIZE]; /* RFC 3339, by the database's clock */
    char until[PUBLISHED_AT_SIZE]; /* up to it, and not itself          */
    bool gone;                     /* rows of its beginning may have been deleted since */
    char kept[PUBLISHED_AT_SIZE];  /* what was published from here on is there          */
    int64_t last;                  /* the largest id now                                */
} PublishedSpan;

typedef struct PublishedWanted {
    const char *since; /* RFC 3339 with a zone, or a duration before now ("15m") */
    const char *until;
    const char *tenant; /* "": all                     */
    int64_t keep_ms;    /* that published rows stay    */
    bool dry_run;       /* count, and change nothing   */
} PublishedWanted;

/* ERROR_INVALID for what is no time, and for a span that holds none. */
int published_span_read(Session *session, const PublishedWanted *wanted, PublishedSpan *ret_span,
                        Error *reterr) MUST_CHECK;

typedef struct PublishedWalk {
    int64_t cursor;    /* the id behind which it goes on; INT64_MIN at first */
    int64_t published; /* rows that were looked at and are published         */
    int64_t matched;
    bool ended;
} PublishedWalk;

/* Takes the next few thousand rows of the table: those that are wanted are pending again. */
int published_replay(Session *session, const PublishedWanted *wanted, const PublishedSpan *span,
                     PublishedWalk *walk, Error *reterr) MUST_CHECK;

#endif

/* The table of dead rows, for people: finding, listing, putting back, throwing away. Each call is a
 * transaction, and bounded. */
#ifndef DEAD_ROWS_H
#define DEAD_ROWS_H

#include "session.h"

enum { DEAD_IDS_MAX = 1000, DEAD_PIECE = 500, DEAD_TEXT_MAX = 256 };

typedef struct DeadFilter {
    const char *tenant; /* "": any; UTF-8 of at most DEAD_TEXT_MAX bytes */
    const char *reason; /* the same                                      */
    int64_t ids[DEAD_IDS_MAX];
    size_t id_count; /* 0: any */
} DeadFilter;

/* Where a walk is: rows come in the order of their ids, as they came into the outbox. */
typedef struct DeadWalk {
    int64_t last; /* rows that die from now on are not of this walk */
    int64_t id;
    int64_t dead_id;
    size_t most; /* rows of the next step, up to DEAD_PIECE */
} DeadWalk;

int dead_walk_begin(Session *session, DeadWalk *ret_walk, Error *reterr) MUST_CHECK;

typedef struct DeadPiece {
    int64_t ids[DEAD_PIECE]; /* dead_ids */
    size_t count;            /* 0: the walk has ended */
} DeadPiece;

int dead_walk_next(Session *session, const DeadFilter *filter, DeadWalk *walk, DeadPiece *ret_piece,
                   Error *reterr) MUST_CHECK;

/* What an adopted table's rows are made of; empty for a table of our own. */
typedef struct DeadColumns {
    char *names;
    char *values;
} DeadColumns;

void dead_columns_done(DeadColumns *columns);
int dead_columns_read(Session *session, DeadColumns *ret_columns, Error *reterr) MUST_CHECK;

typedef struct DeadIds {
    const int64_t *at;
    size_t count;
} DeadIds;

/* Puts rows back under their old id and message id, as ones whose turn has come again: rows of the
 * same key that came later wait for them. All or, on an error, none; ERROR_BUG: the table does not
 * take one of them. *ret_done may be less than their number: somebody else was faster. */
int dead_rows_requeue(Session *session, const DeadColumns *columns, DeadIds ids, int64_t *ret_done,
                      Error *reterr) MUST_CHECK;

int dead_rows_discard(Session *session, DeadIds ids, int64_t *ret_done, Error *reterr) MUST_CHECK;

enum {
    DEAD_ID,
    DEAD_AT,
    DEAD_REASON,
    DEAD_TENANT,
    DEAD_TYPE,
    DEAD_ATTEMPTS,
    DEAD_ROW_ID,
    DEAD_KEY,
    DEAD_MSG_ID,
    DEAD_CREATED_AT,
    DEAD_ERROR,
    DEAD_HEADERS, /* NULL unless asked for */
    DEAD_PAYLOAD, /* the same; in base64   */
};

/* Rows behind dead_id `after`, in that order. */
typedef struct DeadPage {
    const DeadFilter *filter;
    int64_t after;
    size_t most;
    bool content; /* with headers and payload */
} DeadPage;

int dead_rows_list(Session *session, const DeadPage *page, PGresult **ret_rows, Error *reterr)
    MUST_CHECK;

#endif

/* One row of the outbox, checked. Pure.
 *
 * The table's CHECKs hold a row to the same rules, but the table is the application's: they may
 * have been dropped, so that nothing is believed here. */
#ifndef ROW_H
#define ROW_H

#include "base.h"
#include "error.h"

enum { MSG_ID_MAX = 128 };

/* A text or bytes as PostgreSQL hands them out: no NUL behind, perhaps one within. */
typedef struct Bytes {
    const char *at; /* NULL: the column is NULL */
    size_t length;
} Bytes;

/* Borrowed from the result that the row came in. */
typedef struct Row {
    int64_t id;
    int64_t age_us; /* since it was written, on the database's clock, when it was read */
    int64_t attempts;
    int64_t payload_size; /* -1: NULL */
    Bytes tenant;
    Bytes event_type;
    Bytes ordering_key;
    Bytes msg_id; /* printable, up to MSG_ID_MAX of them */
    Bytes headers;
    Bytes payload; /* NULL while only its size was read */
    bool headers_too_large;
} Row;

/* All but the headers. ERROR_INVALID with a sentence for outbox_dead. */
int row_check(const Row *row, Error *reterr) MUST_CHECK;

/* Copies into RET, which has SIZE bytes, with a NUL; false if it does not fit or holds one. */
bool bytes_text(const Bytes *bytes, char *ret, size_t size) MUST_CHECK;

#endif

/* The rows of a batch, read from what the fetch statements return. */
#ifndef ROWSET_H
#define ROWSET_H

#include "postgres.h"
#include "row.h"

enum { ROWSET_RESULTS_MAX = 3, ROWSET_COLUMNS = 12 };

typedef struct PlacedRow PlacedRow;

typedef struct RowSet {
    PGresult *results[ROWSET_RESULTS_MAX]; /* what the rows point into */
    size_t result_count;
    PlacedRow *placed;
    Row *rows;
    size_t *plan_of; /* the entry of the plan that each row was fetched for */
    size_t count;
    size_t capacity;
} RowSet;

/* Forgets the rows and their results. */
void rowset_clear(RowSet *set);
void rowset_done(RowSet *set);

/* Adds the rows of RESULT, which it takes over, for a plan of PLAN_COUNT entries. */
void rowset_add(RowSet *set, PGresult *result, size_t plan_count);

/* Before they are ordered: the id of the row at I, and the set without it. */
int64_t rowset_id(const RowSet *set, size_t i);
void rowset_remove(RowSet *set, size_t i);

/* The ids of those whose payload was too large to come along, up to BYTES_MAX in all and at least
 * one; RET_IDS has room for all rows. */
size_t rowset_large(const RowSet *set, int64_t bytes_max, int64_t *ret_ids);

/* Gives them their payloads, from a result of (id, payload) that it takes over. */
void rowset_add_payloads(RowSet *set, PGresult *result);

/* Fills rows[] and plan_of[], by plan entry and then by id. */
void rowset_order(RowSet *set);

/* A value in binary form; 0, false or NULL where it is NULL or of another size. */
int64_t result_int8(const PGresult *result, int row, int column);
bool result_bool(const PGresult *result, int row, int column);

#endif

#include "rowset.h"

#include <endian.h>

#include "alloc.h"

/* The columns of the fetch statements. */
enum {
    COLUMN_ID,
    COLUMN_TENANT,
    COLUMN_TYPE,
    COLUMN_KEY,
    COLUMN_MSG_ID,
    COLUMN_ATTEMPTS,
    COLUMN_AGE,
    COLUMN_SIZE,
    COLUMN_PAYLOAD,
    COLUMN_HEADERS,
    COLUMN_HEADERS_LARGE,
    COLUMN_PLAN,
};

_Static_assert(COLUMN_PLAN + 1 == ROWSET_COLUMNS, "every column has its place");

/* A row and where it belongs, so that both are sorted at once. */
struct PlacedRow {
    size_t plan;
    Row row;
};

void rowset_clear(RowSet *set)
{
    for (size_t i = 0; i < set->result_count; i++)
        PQclear(set->results[i]);
    set->result_count = 0;
    set->count = 0;
}

void rowset_done(RowSet *set)
{
    rowset_clear(set);
    free(set->placed);
    free(set->rows);
    free(set->plan_of);
    *set = (RowSet){0};
}

static int32_t get_int4(const PGresult *result, int row, int column)
{
    uint32_t wire = 0;

    if (PQgetlength(result, row, column) == sizeof wire)
        memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    return (int32_t)be32toh(wire);
}

int64_t result_int8(const PGresult *result, int row, int column)
{
    uint64_t wire = 0;

    if (PQgetlength(result, row, column) == sizeof wire)
        memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    return (int64_t)be64toh(wire);
}

bool result_bool(const PGresult *result, int row, int column)
{
    return PQgetlength(result, row, column) == 1 && PQgetvalue(result, row, column)[0] != 0;
}

static Bytes get_bytes(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column) == 1)
        return (Bytes){0};
    return (Bytes){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

static void read_row(const PGresult *result, int i, PlacedRow *ret_placed)
{
    ret_placed->plan = (size_t)get_int4(result, i, COLUMN_PLAN);
    ret_placed->row = (Row){
        .id = result_int8(result, i, COLUMN_ID),
        .age_us = result_int8(result, i, COLUMN_AGE),
        .attempts = get_int4(result, i, COLUMN_ATTEMPTS),
        .payload_size =
            PQgetisnull(result, i, COLUMN_SIZE) == 1 ? -1 : get_int4(result, i, COLUMN_SIZE),
        .tenant = get_bytes(result, i, COLUMN_TENANT),
        .event_type = get_bytes(result, i, COLUMN_TYPE),
        .ordering_key = get_bytes(result, i, COLUMN_KEY),
        .msg_id = get_bytes(result, i, COLUMN_MSG_ID),
        .headers = get_bytes(result, i, COLUMN_HEADERS),
        .payload = get_bytes(result, i, COLUMN_PAYLOAD),
        .headers_too_large = result_bool(result, i, COLUMN_HEADERS_LARGE),
    };
}

void rowset_add(RowSet *set, PGresult *result, size_t plan_count)
{
    size_t more = (size_t)PQntuples(result);

    assert(set->result_count < ROWSET_RESULTS_MAX && PQnfields(result) == ROWSET_COLUMNS);
    set->results[set->result_count++] = result;
    if (set->count + more > set->capacity) {
        set->capacity = (set->count + more) * 2;
        set->placed = xrealloc(set->placed, set->capacity * sizeof(PlacedRow));
        set->rows = xrealloc(set->rows, set->capacity * sizeof(Row));
        set->plan_of = xrealloc(set->plan_of, set->capacity * sizeof(size_t));
    }
    for (size_t i = 0; i < more; i++) {
        PlacedRow *placed = &set->placed[set->count++];

        read_row(result, (int)i, placed);
        assert(placed->plan < plan_count);
    }
}

int64_t rowset_id(const RowSet *set, size_t i)
{
    assert(i < set->count);
    return set->placed[i].row.id;
}

void rowset_remove(RowSet *set, size_t i)
{
    assert(i < set->count);
    set->placed[i] = set->placed[--set->count];
}

static bool is_apart(const Row *row)
{
    return row->payload.at == NULL && row->payload_size >= 0;
}

size_t rowset_large(const RowSet *set, int64_t bytes_max, int64_t *ret_ids)
{
    int64_t bytes = 0;
    size_t count = 0;

    for (size_t i = 0; i < set->count; i++) {
        const Row *row = &set->placed[i].row;

        if (!is_apart(row) || (count > 0 && bytes + row->payload_size > bytes_max))
            continue;
        bytes += row->payload_size;
        ret_ids[count++] = row->id;
    }
    return count;
}

static void place_payload(RowSet *set, int64_t id, Bytes payload)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->placed[i].row.id == id)
            set->placed[i].row.payload = payload;
    }
}

void rowset_add_payloads(RowSet *set, PGresult *result)
{
    assert(set->result_count < ROWSET_RESULTS_MAX);
    set->results[set->result_count++] = result;
    for (int i = 0; i < PQntuples(result); i++)
        place_payload(set, result_int8(result, i, 0), get_bytes(result, i, 1));
}

static int by_plan_and_id(const void *a, const void *b)
{
    const PlacedRow *left = a;
    const PlacedRow *right = b;

    if (left->plan != right->plan)
        return left->plan < right->plan ? -1 : 1;
    return (left->row.id > right->row.id) - (left->row.id < right->row.id);
}

/* As the rows of one statement mostly do. */
static bool is_in_order(const RowSet *set)
{
    for (size_t i = 1; i < set->count; i++) {
        if (by_plan_and_id(&set->placed[i - 1], &set->placed[i]) > 0)
            return false;
    }
    return true;
}

void rowset_order(RowSet *set)
{
    if (!is_in_order(set))
        qsort(set->placed, set->count, sizeof(PlacedRow), by_plan_and_id);
    for (size_t i = 0; i < set->count; i++) {
        set->rows[i] = set->placed[i].row;
        set->plan_of[i] = set->placed[i].plan;
    }
}

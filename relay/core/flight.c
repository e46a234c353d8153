#include "alloc.h"
#include "flight_slots.h"

enum {
    PATIENCE_FACTOR = 3,
    PATIENCE_US = 25 * 1000,
    PATIENCE_MAX_US = 250 * 1000,
    DEADLINE_US = 5 * 1000 * 1000,
};

void flight_begin(Flight *flight)
{
    assert(flight->ready_count == 0);
    flight->batch++;
    flight->asked = 0;
    flight->answered = 0;
    flight->first_us = 0;
    flight->most_us = 0;
}

static void make_ready(Flight *flight, size_t i)
{
    assert(flight->ready_count < flight->count);
    flight->slots[i].state = SLOT_READY;
    flight->ready[(flight->ready_first + flight->ready_count++) % flight->count] = i;
}

/* The tail of ROW's key in this batch, or the place where it is to be noted. */
static KeyTail *tail_find(Flight *flight, const FlightRow *row)
{
    size_t at = (size_t)(row->key % flight->tail_count);

    while (flight->tails[at].batch == flight->batch &&
           (flight->tails[at].key != row->key || flight->tails[at].lane != row->lane))
        at = (at + 1) % flight->tail_count;
    return &flight->tails[at];
}

size_t flight_add(Flight *flight, const FlightRow *row)
{
    assert(flight->free_count > 0 && flight->batch > 0);
    size_t i = flight->free[--flight->free_count];
    Slot *slot = &flight->slots[i];

    assert(slot->state == SLOT_FREE);
    flight->used = i >= flight->used ? i + 1 : flight->used;
    slot->row = *row;
    slot->own = true;
    slot->probe = row->lane->state == LANE_PROBING;
    slot->behind = SLOT_NONE;
    if (row->key == 0) {
        make_ready(flight, i);
        return i;
    }
    KeyTail *tail = tail_find(flight, row);
    bool first = tail->batch != flight->batch;
    size_t before = tail->slot;

    *tail = (KeyTail){row->key, row->lane, i, flight->batch};
    if (first) {
        make_ready(flight, i);
    } else {
        slot->state = SLOT_WAITING;
        flight->slots[before].behind = i;
    }
    return i;
}

bool flight_next(Flight *flight, size_t *ret_slot, uint32_t *ret_index)
{
    assert(flight->count > 0);
    if (flight->ready_count == 0)
        return false;
    size_t i = flight->ready[flight->ready_first];

    flight->ready_first = (flight->ready_first + 1) % flight->count;
    flight->ready_count--;
    assert(flight->slots[i].state == SLOT_READY);
    *ret_slot = i;
    *ret_index = flight->slots[i].row.index;
    return true;
}

void flight_published(Flight *flight, size_t slot, int64_t now_us)
{
    Slot *self = &flight->slots[slot];

    assert(self->state == SLOT_READY);
    self->state = SLOT_PUBLISHED;
    self->published_us = now_us;
    self->row.lane->in_flight++;
    flight->published++;
    if (flight->first_us == 0)
        flight->first_us = now_us;
    flight->asked += self->probe ? 0 : 1;
}

/* The failure is to be written down. But when the transaction that locked the row has ended,
 * another relay may be fetching the rows of its key just now: it would skip the row while we write,
 * and take the next one. So such a row is left alone, and fails again in somebody's hands. */
static void fail(Flight *flight, size_t i, FailureCause cause, const char *why)
{
    Slot *slot = &flight->slots[i];

    if (!slot->own && slot->row.key != 0) {
        slot_release(flight, i);
        return;
    }
    slot_release_behind(flight, i);
    slot->state = SLOT_FAILED;
    slot->cause = cause;
    slot->soon =
        failure_class(cause) == FAILURE_OF_LANE || failure_class(cause) == FAILURE_OF_CONFIG;
    slot->why = xstrdup(why);
    lane_keep_row(slot->row.lane, slot->row.id);
}

void flight_unsent(Flight *flight, size_t slot)
{
    assert(flight->slots[slot].state == SLOT_READY);
    slot_release(flight, slot);
}

void flight_refuse(Flight *flight, size_t slot, FailureCause cause, const char *why)
{
    assert(flight->slots[slot].state == SLOT_READY);
    assert(failure_class(cause) == FAILURE_OF_ROW);
    fail(flight, slot, cause, why);
}

const char *flight_stream(const Flight *flight, uint32_t token)
{
    const Slot *slot = slot_waiting(flight, token);

    return slot != NULL ? slot->row.lane->stream : NULL;
}

size_t flight_in_flight(const Flight *flight)
{
    return flight->published;
}

static void stored(Flight *flight, Slot *slot)
{
    slot->state = SLOT_STORED;
    lane_stored(slot->row.lane);
    if (slot->behind != SLOT_NONE)
        make_ready(flight, slot->behind);
    slot->behind = SLOT_NONE;
}

/* One row of those that fail with their lane carries the reason and counts the attempt; the
 * others stay untouched, however many they are. */
static bool not_stored(Flight *flight, size_t i, const Ack *ack, int64_t now_us, uint32_t random)
{
    FailureClass class = failure_class(ack->cause);
    Lane *lane = flight->slots[i].row.lane;

    if (class == FAILURE_OF_ROW || class == FAILURE_OF_UNKNOWN) {
        fail(flight, i, ack->cause, ack->text);
        return false;
    }
    bool first = lane->state != LANE_PAUSED;
    bool fresh = lane_pause(lane, ack->cause, ack->text, now_us / 1000, random);
    if (first)
        fail(flight, i, ack->cause, ack->text);
    else
        slot_release(flight, i);
    return fresh;
}

Answered flight_answer(Flight *flight, uint32_t token, const Ack *ack, int64_t now_us,
                       uint32_t random)
{
    Slot *slot = slot_waiting(flight, token);
    Answered answered = {0};

    if (slot == NULL)
        return answered;
    answered.lane = slot->row.lane;
    answered.wait_us = now_us - slot->published_us;
    answered.age_us = slot->row.age_us + answered.wait_us;
    slot_count_answer(flight, slot, now_us);
    if (ack->stored)
        stored(flight, slot);
    else
        answered.paused = not_stored(flight, (size_t)(slot - flight->slots), ack, now_us, random);
    return answered;
}

bool flight_waits(const Flight *flight, int64_t now_us, int64_t *ret_wait_us)
{
    if (flight->asked == flight->answered)
        return false;
    int64_t until = flight->first_us + PATIENCE_MAX_US;
    if (flight->most_us != 0)
        until = min_i64(until, flight->first_us + PATIENCE_US +
                                   (flight->most_us - flight->first_us) * PATIENCE_FACTOR);
    *ret_wait_us = until - now_us;
    return *ret_wait_us > 0;
}

void flight_end(Flight *flight)
{
    size_t slot;
    uint32_t index;

    while (flight_next(flight, &slot, &index))
        slot_release(flight, slot);
    for (size_t i = 0; i < flight->used; i++) {
        if (flight->slots[i].state == SLOT_PUBLISHED && flight->slots[i].own)
            slot_release_behind(flight, i);
    }
}

size_t flight_expire(Flight *flight, int64_t now_us, uint32_t random, const char *why)
{
    Ack silence = {.cause = FAILURE_TIMEOUT};
    size_t expired = 0;

    if (flight->published == 0)
        return 0;
    (void)snprintf(silence.text, sizeof silence.text, "%s", why);
    for (size_t i = 0; i < flight->used; i++) {
        const Slot *slot = &flight->slots[i];

        if (slot->state != SLOT_PUBLISHED || now_us - slot->published_us < DEADLINE_US)
            continue;
        (void)flight_answer(flight, flight_token(flight, i), &silence, now_us, random);
        expired++;
    }
    return expired;
}

void flight_lost(Flight *flight)
{
    for (size_t i = 0; i < flight->used; i++) {
        const Slot *slot = &flight->slots[i];

        if (slot->state != SLOT_PUBLISHED)
            continue;
        slot->row.lane->in_flight--;
        flight->published--;
        if (slot->own && !slot->probe)
            flight->answered++;
        slot_release(flight, i);
    }
    flight_end(flight);
}

void flight_disown(Flight *flight)
{
    for (size_t i = 0; i < flight->used; i++) {
        Slot *slot = &flight->slots[i];

        slot->own = false;
        if (slot->state == SLOT_FAILED && slot->row.key != 0)
            slot_release(flight, i);
    }
}

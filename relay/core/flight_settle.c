#include "flight_slots.h"

static int by_number(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;

    return (*left > *right) - (*left < *right);
}

static void settle_failure(Flight *flight, Slot *slot)
{
    Settlement *settlement = &flight->settlement;
    FlightFailure failure = {
        .id = slot->row.id,
        .attempts = slot->row.attempts + 1,
        .cause = slot->cause,
        .why = slot->why,
        .soon = slot->soon,
    };
    bool gave_up = failure_class(slot->cause) == FAILURE_OF_UNKNOWN && flight->attempts_max > 0 &&
                   failure.attempts >= flight->attempts_max;

    slot->why = NULL; /* handed on */
    if (failure_class(slot->cause) == FAILURE_OF_ROW || gave_up)
        settlement->bury.at[settlement->bury.count++] = failure;
    else
        settlement->retry.at[settlement->retry.count++] = failure;
}

const Settlement *flight_settle(Flight *flight)
{
    Settlement *settlement = &flight->settlement;

    settlement_clear(settlement);
    for (size_t i = 0; i < flight->used; i++) {
        Slot *slot = &flight->slots[i];

        if (slot->state == SLOT_STORED && slot->own)
            settlement->stored.at[settlement->stored.count++] = slot->row.id;
        else if (slot->state == SLOT_STORED)
            settlement->late.at[settlement->late.count++] = slot->row.id;
        else if (slot->state == SLOT_FAILED)
            settle_failure(flight, slot);
        if (slot->state == SLOT_STORED || slot->state == SLOT_FAILED)
            slot_free(flight, i);
        else
            slot->own = false; /* its transaction ends with this settlement */
    }
    /* All relays lock in the same order, so that none waits for another in a circle. */
    qsort(settlement->stored.at, settlement->stored.count, sizeof(int64_t), by_number);
    qsort(settlement->late.at, settlement->late.count, sizeof(int64_t), by_number);
    return settlement;
}

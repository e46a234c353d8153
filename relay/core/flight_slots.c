#include "flight_slots.h"

#include "alloc.h"

Flight *flight_new(size_t slots, int64_t attempts_max)
{
    Flight *flight = xcalloc(1, sizeof *flight);

    assert(slots > 0 && slots <= FLIGHT_SLOTS_MAX);
    flight->count = slots;
    flight->attempts_max = attempts_max;
    flight->slots = xcalloc(slots, sizeof(Slot));
    flight->free = xcalloc(slots, sizeof(size_t));
    flight->ready = xcalloc(slots, sizeof(size_t));
    flight->tail_count = slots * 2;
    flight->tails = xcalloc(flight->tail_count, sizeof(KeyTail));
    flight->settlement.stored.at = xcalloc(slots, sizeof(int64_t));
    flight->settlement.late.at = xcalloc(slots, sizeof(int64_t));
    flight->settlement.retry.at = xcalloc(slots, sizeof(FlightFailure));
    flight->settlement.bury.at = xcalloc(slots, sizeof(FlightFailure));
    for (size_t i = 0; i < slots; i++)
        flight->free[flight->free_count++] = slots - 1 - i;
    return flight;
}

void settlement_clear(Settlement *settlement)
{
    for (size_t i = 0; i < settlement->retry.count; i++)
        free(settlement->retry.at[i].why);
    for (size_t i = 0; i < settlement->bury.count; i++)
        free(settlement->bury.at[i].why);
    settlement->stored.count = 0;
    settlement->late.count = 0;
    settlement->retry.count = 0;
    settlement->bury.count = 0;
}

void flight_free(Flight *flight)
{
    if (flight == NULL)
        return;
    settlement_clear(&flight->settlement);
    for (size_t i = 0; i < flight->count; i++)
        free(flight->slots[i].why);
    free(flight->settlement.stored.at);
    free(flight->settlement.late.at);
    free(flight->settlement.retry.at);
    free(flight->settlement.bury.at);
    free(flight->tails);
    free(flight->ready);
    free(flight->free);
    free(flight->slots);
    free(flight);
}

size_t flight_room(const Flight *flight)
{
    return flight->free_count;
}

uint32_t flight_token(const Flight *flight, size_t slot)
{
    assert(slot < flight->count);
    return flight->slots[slot].generation << INDEX_BITS | (uint32_t)slot;
}

Slot *slot_waiting(const Flight *flight, uint32_t token)
{
    size_t i = token & (FLIGHT_SLOTS_MAX - 1);

    if (i >= flight->count || flight->slots[i].state != SLOT_PUBLISHED ||
        flight_token(flight, i) != token)
        return NULL;
    return &flight->slots[i];
}

void slot_free(Flight *flight, size_t i)
{
    Slot *slot = &flight->slots[i];

    free(slot->why);
    *slot = (Slot){.generation = slot->generation + 1};
    flight->free[flight->free_count++] = i;
}

void slot_release_behind(Flight *flight, size_t i)
{
    size_t next = flight->slots[i].behind;

    while (next != SLOT_NONE) {
        Slot *slot = &flight->slots[next];
        size_t after = slot->behind;

        assert(slot->state == SLOT_WAITING);
        lane_keep_row(slot->row.lane, slot->row.id);
        slot_free(flight, next);
        next = after;
    }
    flight->slots[i].behind = SLOT_NONE;
}

void slot_release(Flight *flight, size_t i)
{
    slot_release_behind(flight, i);
    lane_keep_row(flight->slots[i].row.lane, flight->slots[i].row.id);
    slot_free(flight, i);
}

void slot_count_answer(Flight *flight, const Slot *slot, int64_t now_us)
{
    flight->published--;
    slot->row.lane->in_flight--;
    if (!slot->own || slot->probe)
        return;
    flight->answered++;
    if (flight->most_us == 0 && flight->answered * 4 >= flight->asked * 3)
        flight->most_us = now_us;
}

#include "flight_slots.h"

static bool can_run(const Slot *slot)
{
    return slot->row.lane->batched && !slot->probe && slot->row.key == 0;
}

size_t flight_run(const Flight *flight, size_t slot)
{
    const Slot *first = &flight->slots[slot];
    size_t count = 1;

    assert(first->state == SLOT_READY);
    for (size_t i = 0; can_run(first) && i < flight->ready_count; i++) {
        const Slot *next = &flight->slots[flight->ready[(flight->ready_first + i) % flight->count]];

        if (next->row.lane != first->row.lane || !can_run(next))
            break;
        count++;
    }
    return count;
}

void flight_join(Flight *flight, size_t before, size_t slot)
{
    assert(flight->slots[before].state == SLOT_PUBLISHED);
    assert(flight->slots[slot].state == SLOT_PUBLISHED);
    assert(!flight->slots[before].followed);
    flight->slots[before].followed = true;
    flight->slots[before].follower = flight_token(flight, slot);
}

bool flight_follower(const Flight *flight, uint32_t token, uint32_t *ret_token)
{
    const Slot *slot = slot_waiting(flight, token);

    if (slot == NULL || !slot->followed)
        return false;
    *ret_token = slot->follower;
    return true;
}

void flight_give_back(Flight *flight, uint32_t token, int64_t now_us)
{
    const Slot *slot = slot_waiting(flight, token);

    if (slot == NULL)
        return;
    slot->row.lane->batched = false;
    slot_count_answer(flight, slot, now_us);
    slot_release(flight, (size_t)(slot - flight->slots));
}

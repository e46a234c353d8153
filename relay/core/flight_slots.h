/* The slots of a flight: what flight.c, flight_run.c and flight_settle.c share. Nobody else looks
 * into a flight. */
#ifndef FLIGHT_SLOTS_H
#define FLIGHT_SLOTS_H

#include "flight.h"

enum { INDEX_BITS = 13 }; /* FLIGHT_SLOTS_MAX is two to the power of it */

_Static_assert(FLIGHT_SLOTS_MAX == 1 << INDEX_BITS, "a token holds a slot's index");

typedef enum SlotState {
    SLOT_FREE,
    SLOT_WAITING,
    SLOT_READY,
    SLOT_PUBLISHED,
    SLOT_STORED,
    SLOT_FAILED,
} SlotState;

typedef struct Slot {
    SlotState state;
    uint32_t generation; /* tells an answer for this use of the slot from one for the last use */
    bool own;            /* its row is locked by the open transaction */
    bool probe;
    FlightRow row;
    size_t behind; /* the next row of the same key, or SLOT_NONE */
    bool followed; /* by a row of the same run, whose token this is: it may be answered alone */
    uint32_t follower;
    int64_t published_us;
    FailureCause cause;
    bool soon;
    char *why;
} Slot;

/* The last slot of each key, so that the next row of it can be hung behind. */
typedef struct KeyTail {
    uint64_t key;
    const Lane *lane;
    size_t slot;
    uint32_t batch;
} KeyTail;

struct Flight {
    Slot *slots;
    size_t count;
    size_t used;  /* none above it was ever used */
    size_t *free; /* a stack; the lowest are used first */
    size_t free_count;
    size_t *ready; /* a ring */
    size_t ready_first;
    size_t ready_count;
    KeyTail *tails; /* open addressing, twice the slots */
    size_t tail_count;
    uint32_t batch;
    int64_t attempts_max;
    /* of the current batch, without probes */
    size_t asked;
    size_t answered;
    int64_t first_us;
    int64_t most_us;  /* when three quarters had answered; 0: not yet */
    size_t published; /* slots without an answer, of any batch */
    Settlement settlement;
};

/* The slot may be used again; answers for what it held mean nothing any more. */
void slot_free(Flight *flight, size_t i);

/* NULL, or the slot that waits for an answer to TOKEN. */
Slot *slot_waiting(const Flight *flight, uint32_t token);

/* The rows behind it stay pending: a later row of a key never overtakes an earlier one. */
void slot_release_behind(Flight *flight, size_t i);

/* The row stays as it is: pending, and nobody is to blame. */
void slot_release(Flight *flight, size_t i);

/* SLOT's answer came, whatever it says. */
void slot_count_answer(Flight *flight, const Slot *slot, int64_t now_us);

/* Frees what it handed out; its room stays. */
void settlement_clear(Settlement *settlement);

#endif

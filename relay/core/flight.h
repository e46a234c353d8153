/* The rows that are on their way: from the fetch until it is known what became of them. Pure.
 *
 *     READY -> PUBLISHED -> STORED -> marked
 *                        -> FAILED -> tried again, or buried
 *     WAITING (behind a row of the same key) -> READY
 *
 * A batch is what one transaction fetched. It ends when all of it was answered or when the
 * answered part has waited long enough for the rest; the rest goes on and is marked with a later
 * batch, so that a slow stream holds up nobody. A row is marked only if the server said, for that
 * row, that its tenant's stream has it. Everything else leaves the row as it was: pending. */
#ifndef FLIGHT_H
#define FLIGHT_H

#include "ack.h"
#include "lanes.h"

enum { FLIGHT_SLOTS_MAX = 8192, SLOT_NONE = FLIGHT_SLOTS_MAX };

typedef struct Flight Flight;

Flight *flight_new(size_t slots, int64_t attempts_max);
void flight_free(Flight *flight);
DEFINE_DEFER(Flight *, defer_flight, flight_free)

/* Slots that are free. */
size_t flight_room(const Flight *flight);

/* A row of the batch that is being built. */
typedef struct FlightRow {
    Lane *lane;
    int64_t id;
    int64_t attempts;
    int64_t age_us;
    uint64_t key;   /* a hash of the ordering key; 0: none, or the tenant does not ask for order */
    uint32_t index; /* the caller's, comes back with flight_next */
} FlightRow;

void flight_begin(Flight *flight);
size_t flight_add(Flight *flight, const FlightRow *row);

/* The next slot to publish; false: none now. */
bool flight_next(Flight *flight, size_t *ret_slot, uint32_t *ret_index);

/* It was published, under TOKEN. */
uint32_t flight_token(const Flight *flight, size_t slot);
void flight_published(Flight *flight, size_t slot, int64_t now_us);

/* Rows of a lane whose stream takes batches go out together, as a run with one answer. How many,
 * with SLOT, which flight_next handed out last: 1 means that it goes by itself. */
size_t flight_run(const Flight *flight, size_t slot);

/* SLOT's row was published right behind BEFORE's, in one run. The first one's token is the run's.
 */
void flight_join(Flight *flight, size_t before, size_t slot);

/* The token of the row behind TOKEN's in its run; false: there is none. */
bool flight_follower(const Flight *flight, uint32_t token, uint32_t *ret_token);

/* The run broke off before TOKEN's row, which stays pending; the lane's rows go one by one now. */
void flight_give_back(Flight *flight, uint32_t token, int64_t now_us);

/* It could not be sent: the row stays pending, and nobody is to blame. */
void flight_unsent(Flight *flight, size_t slot);

/* It cannot be published: the row is to blame. */
void flight_refuse(Flight *flight, size_t slot, FailureCause cause, const char *why);

typedef struct Answered {
    Lane *lane;      /* NULL: no slot waits for this token */
    int64_t wait_us; /* from publish to now */
    int64_t age_us;  /* from the row's birth to now */
    bool paused;     /* the lane was open until now */
} Answered;

/* Rows without an answer, of any batch. */
size_t flight_in_flight(const Flight *flight);

/* The name of the stream that must stand in the answer to TOKEN; NULL: nobody waits for it. */
const char *flight_stream(const Flight *flight, uint32_t token);

/* The answer to TOKEN. Time in microseconds; RANDOM for a pause. */
Answered flight_answer(Flight *flight, uint32_t token, const Ack *ack, int64_t now_us,
                       uint32_t random);

/* True while the batch should wait on; *ret_wait_us: at most that long. */
bool flight_waits(const Flight *flight, int64_t now_us, int64_t *ret_wait_us);

/* Ends the batch: rows that were not published stay pending. */
void flight_end(Flight *flight);

/* Gives up rows without an answer; their lanes pause. The number of them. */
size_t flight_expire(Flight *flight, int64_t now_us, uint32_t random, const char *why);

/* The connection broke: what was not answered will not be. Nobody is to blame. */
void flight_lost(Flight *flight);

/* The transaction that locked the rows is gone. The batch must have ended. */
void flight_disown(Flight *flight);

/* What is to be written. Texts and arrays are FLIGHT's, valid until its next call. */
typedef struct FlightFailure {
    int64_t id;
    int64_t attempts; /* with this one */
    FailureCause cause;
    char *why;
    bool soon; /* the lane waits, not the row */
} FlightFailure;

typedef struct FlightIds {
    int64_t *at; /* rising */
    size_t count;
} FlightIds;

typedef struct FlightFailures {
    FlightFailure *at;
    size_t count;
} FlightFailures;

typedef struct Settlement {
    FlightIds stored; /* locked by the transaction that fetched them */
    FlightIds late;   /* stored, too, but the lock was given up meanwhile */
    FlightFailures retry;
    FlightFailures bury;
} Settlement;

/* Hands out what was decided since the last call, and frees those slots. */
const Settlement *flight_settle(Flight *flight);

#endif

/* The tenants as the relay sees them: who has rows, who may send how many next. Pure.
 *
 * A lane is a tenant. Each round takes some rows from every lane that is open, in proportion to
 * its weight and counted in bytes (deficit round robin), so that a backlog of one tenant costs
 * the others a round and no more. A lane whose stream does not take what it is given is paused
 * by itself. Time and random numbers are handed in. */
#ifndef LANES_H
#define LANES_H

#include "failure.h"
#include "relay_settings.h"
#include "subject.h"

enum { LANES_MAX = 20000, LANES_A_ROUND = 256, LANE_WHY_MAX = 160 };

typedef enum LaneState {
    LANE_NEW,     /* its stream's settings are to be asked for      */
    LANE_ASKING,  /* ... and have been                              */
    LANE_OPEN,    /*                                                */
    LANE_PAUSED,  /* until resume_ms                                */
    LANE_PROBING, /* one row is on its way to see whether it helps  */
    LANE_HELD,    /* the Tenant says: publish nothing               */
} LaneState;

typedef struct Lane {
    bool own; /* this worker's share, if there are several workers */
    char tenant[TENANT_ID_MAX + 1];
    char stream[STREAM_NAME_SIZE];
    LaneState state;
    RelaySettings settings;
    int64_t asked_ms;    /* when its settings were asked for last */
    bool known;          /* ... and were answered, now or before   */
    bool batched;        /* its stream takes batches, as far as we know */
    bool silent;         /* no answer came: do not wait for one again */
    uint32_t unanswered; /* questions since the last answer      */
    bool active;         /* it has rows, as far as we know         */
    bool due;            /* ... and some that were tried before    */
    int64_t seen_ms;     /* when it was last active                */
    int64_t floor;       /* rows up to this id need no second look */
    int64_t swept_ms;    /* when the floor was last ignored        */
    int64_t deficit;     /* bytes that it may still send           */
    int64_t row_bytes;   /* a running average                      */
    int64_t window;      /* rows at once, halved when the stream is slow */
    int64_t window_max;
    int64_t in_flight; /* rows published and not answered        */
    int64_t uncounted; /* rows stored that the metrics do not show yet */
    int64_t resume_ms; /* PAUSED: when to try again; OPEN: not to be planned before */
    uint32_t failures; /* in a row */
    uint32_t taken;    /* in a row, by another relay */
    bool announced;    /* for those who tell people that the lane waits */
    FailureCause cause;
    char why[LANE_WHY_MAX];
} Lane;

typedef struct Lanes Lanes;

Lanes *lanes_new(int64_t batch_rows, int64_t batch_bytes);
void lanes_free(Lanes *lanes);
DEFINE_DEFER(Lanes *, defer_lanes, lanes_free)

/* Of PARTS workers this is the one with the number PART: each has a share of the tenants that it
 * looks at first, so that they do not get in each other's way. Before the first lane is met. */
void lanes_share(Lanes *lanes, size_t part, size_t parts);

/* NULL if TENANT has no lane. TENANT is any text. */
Lane *lanes_find(const Lanes *lanes, const char *tenant);

/* TENANT, a valid id, has rows: READY ones that nobody tried, DUE ones whose wait is over. NULL if
 * there are LANES_MAX lanes already. */
Lane *lanes_meet(Lanes *lanes, const char *tenant, bool ready, bool due, int64_t now_ms);

size_t lanes_count(const Lanes *lanes);
Lane *lanes_at(const Lanes *lanes, size_t i);

/* Names of lanes that have rows that nobody tried, as far as we know: at most MAX. */
size_t lanes_active(const Lanes *lanes, const char **ret_names, size_t max);

/* The lane whose settings should be asked for next, marked as asked; NULL: none. Until a first
 * answer no row of it is planned: nobody knows whether its keys have an order or its tenant is
 * suspended. */
Lane *lanes_to_ask(Lanes *lanes, int64_t now_ms);

/* DENIED: nobody will answer, so that the defaults count for lanes of which nothing is known. */
void lanes_set_denied(Lanes *lanes, bool denied);

/* What the next round takes. */
typedef struct LanePlan {
    Lane *lane;
    int64_t floor;
    int64_t rows;
} LanePlan;

typedef struct RoundPlan {
    LanePlan entries[LANES_A_ROUND];
    size_t count;
} RoundPlan;

/* For at most ROOM rows. */
void lanes_plan(Lanes *lanes, int64_t room, int64_t now_ms, RoundPlan *ret_plan);

/* True if rows would be taken now; *ret_wait_ms: else, until a pause may end (at most LIMIT). */
bool lanes_ready(const Lanes *lanes, int64_t now_ms, int64_t limit_ms, int64_t *ret_wait_ms);

/* What a round brought for one entry of its plan. */
typedef struct LaneHarvest {
    int64_t ready; /* rows that nobody tried before */
    int64_t due;   /* rows whose wait was over      */
    int64_t bytes;
    int64_t last; /* id of the last ready one; 0: none             */
    bool limited; /* the tenant's rate may have kept some from us  */
} LaneHarvest;

void lane_fetched(const LanePlan *plan, const LaneHarvest *harvest, int64_t now_ms);

/* Another relay works on it: look at others first, the longer the more often that was so. */
void lane_taken(Lane *lane, int64_t now_ms);

/* A row of it, ID, stays pending: the floor must not hide it. */
void lane_keep_row(Lane *lane, int64_t id);

/* Another server may answer for the database now, whose numbers need not go on where the old one's
 * were: no floor of any lane counts any more. */
void lanes_forget_floors(Lanes *lanes);

/* The stream stored a row. */
void lane_stored(Lane *lane);

/* Pauses the lane with exponential backoff; true if it was not paused before. */
bool lane_pause(Lane *lane, FailureCause cause, const char *why, int64_t now_ms, uint32_t random);

/* Something changed about the stream: ends a pause and asks for the settings again. */
void lane_wake(Lane *lane);

/* The stream's answer about itself. */
void lane_configure(Lane *lane, const RelaySettings *settings);

/* Forgets lanes that had nothing for a while; at most a few a call. */
void lanes_forget_idle(Lanes *lanes, int64_t now_ms);

#endif

/* What the tests of flights begin with: answers, a lane that is open, rows. */
#ifndef FLIGHT_ROWS_H
#define FLIGHT_ROWS_H

#include "flight.h"
#include "unit.h"

enum { BATCH = 64, ATTEMPTS_MAX = 3, NOW_US = 1000 * 1000 * 1000 };

static const Ack stored __attribute__((unused)) = {.stored = true};
static const Ack full __attribute__((unused)) = {.cause = FAILURE_FULL, .text = "full"};
static const Ack too_large
    __attribute__((unused)) = {.cause = FAILURE_TOO_LARGE, .text = "too large"};
static const Ack unknown __attribute__((unused)) = {.cause = FAILURE_UNKNOWN, .text = "unknown"};

/* A lane whose stream is known to take events. */
static inline Lane *open_lane(Lanes *lanes, const char *tenant)
{
    Lane *lane = lanes_meet(lanes, tenant, true, false, NOW_US / 1000);
    const RelaySettings settings = relay_settings_default();

    lane->state = LANE_ASKING;
    lane_configure(lane, &settings);
    return lane;
}

/* A row of LANE; KEY 0: without one. */
static inline size_t add(Flight *flight, Lane *lane, int64_t id, uint64_t key)
{
    return flight_add(flight,
                      &(FlightRow){.lane = lane, .id = id, .key = key, .index = (uint32_t)id});
}

#endif

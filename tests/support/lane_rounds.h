/* What the tests of lanes begin with: a lane that is open, and what a round plans and brings. */
#ifndef LANE_ROUNDS_H
#define LANE_ROUNDS_H

#include "lanes.h"
#include "unit.h"

enum { BATCH = 1000, BATCH_BYTES = 4 << 20, NOW = 1000 * 1000 };

static inline Lane *open_lane(Lanes *lanes, const char *tenant, int64_t weight)
{
    Lane *lane = lanes_meet(lanes, tenant, true, false, NOW);
    RelaySettings settings = relay_settings_default();

    settings.weight = weight;
    lane->state = LANE_ASKING;
    lane->asked_ms = NOW;
    lane_configure(lane, &settings);
    return lane;
}

static inline int64_t planned(const RoundPlan *plan, const Lane *lane)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->entries[i].lane == lane)
            return plan->entries[i].rows;
    }
    return 0;
}

/* A full harvest: as many rows as were asked for, each of BYTES. */
static inline void harvest_all(const RoundPlan *plan, int64_t bytes)
{
    for (size_t i = 0; i < plan->count; i++) {
        const LaneHarvest harvest = {.ready = plan->entries[i].rows,
                                     .bytes = plan->entries[i].rows * bytes,
                                     .last = plan->entries[i].floor + plan->entries[i].rows};

        lane_fetched(&plan->entries[i], &harvest, NOW);
    }
}

#endif

/* A random walk over pure code: dice that a seed repeats, and an invariant that names the seed. */
#ifndef WALK_H
#define WALK_H

#include "unit.h"

typedef struct Walk {
    uint64_t dice;
    uint32_t seed;
    uint32_t step;
} Walk;

static inline Walk walk_start(uint32_t seed)
{
    return (Walk){.dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .seed = seed};
}

/* A number below SIDES. */
static inline uint32_t walk_roll(Walk *walk, uint32_t sides)
{
    walk->dice = walk->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(walk->dice >> 33) % sides;
}

#define WALK_HOLDS(walk, invariant)                                                                \
    do {                                                                                           \
        if (!(invariant))                                                                          \
            fail_msg("seed %u, step %u: %s", (walk)->seed, (walk)->step, #invariant);              \
    } while (0)

#endif

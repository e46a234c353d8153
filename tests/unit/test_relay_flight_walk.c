/* A server, a network and a worker that do anything in any order. */
#include "flight_rows.h"
#include "walk.h"

enum { IDS_MAX = 4096, TENANTS = 4, KEYS = 3, STEPS = 400, SEEDS = 400 };

typedef struct World {
    Walk walk;
    Lanes *lanes;
    Flight *flight;
    int64_t now_us;
    int64_t next_id;
    bool acknowledged[IDS_MAX]; /* the server said, for this row, that its stream has it */
    bool settled[IDS_MAX];
    uint64_t key_of[IDS_MAX];
    size_t tenant_of[IDS_MAX];
    struct {
        uint32_t token;
        int64_t id;
    } sent[IDS_MAX]; /* every publish there ever was */
    size_t sent_count;
} World;

static Lane *lane_of(const World *world, size_t tenant)
{
    char name[8];

    (void)snprintf(name, sizeof name, "t%u", (unsigned)tenant % TENANTS);
    return lanes_find(world->lanes, name);
}

/* No earlier row of its key, in this batch, may be without its acknowledgement. */
static void check_order(const World *world, int64_t first_id, int64_t id)
{
    bool in_order = true;

    for (int64_t other = first_id; other < id; other++) {
        bool same = world->key_of[other] != 0 && world->key_of[other] == world->key_of[id] &&
                    world->tenant_of[other] == world->tenant_of[id];

        in_order = in_order && (!same || world->acknowledged[other]);
    }
    WALK_HOLDS(&world->walk, in_order);
}

/* False if the row is to blame, or could not be sent. */
static bool publish_row(World *world, size_t slot, int64_t id)
{
    switch (walk_roll(&world->walk, 40)) {
    case 0:
        flight_refuse(world->flight, slot, FAILURE_MALFORMED, "malformed");
        return false;
    case 1:
        flight_unsent(world->flight, slot);
        return false;
    default:
        world->sent[world->sent_count].token = flight_token(world->flight, slot);
        world->sent[world->sent_count++].id = id;
        flight_published(world->flight, slot, world->now_us);
        return true;
    }
}

/* One row, or some of those that could be a run. */
static void publish_run(World *world, int64_t first_id, size_t slot, uint32_t id)
{
    size_t most = flight_run(world->flight, slot);
    size_t length = 1 + walk_roll(&world->walk, (uint32_t)most);
    size_t before = SLOT_NONE;
    bool more = true;

    for (size_t i = 1; more; i++) {
        check_order(world, first_id, id);
        if (publish_row(world, slot, id)) {
            if (before != SLOT_NONE)
                flight_join(world->flight, before, slot);
            before = slot;
        }
        more = i < length && flight_next(world->flight, &slot, &id);
    }
}

static void publish_checked(World *world, int64_t first_id)
{
    size_t slot;
    uint32_t id;

    while (flight_next(world->flight, &slot, &id))
        publish_run(world, first_id, slot, id);
}

/* The answer to a run that begins, or once began, with TOKEN's row: COUNT of it were stored. */
static void answer_run(World *world, size_t sent, uint32_t count)
{
    uint32_t token = world->sent[sent].token;

    for (bool more = true; more; sent++) {
        uint32_t next = 0;

        more = flight_follower(world->flight, token, &next);
        WALK_HOLDS(&world->walk, world->sent[sent].token == token);
        if (count > 0) {
            count--;
            if (flight_answer(world->flight, token, &stored, world->now_us, 0).lane != NULL)
                world->acknowledged[world->sent[sent].id] = true;
        } else {
            flight_give_back(world->flight, token, world->now_us);
        }
        token = next;
    }
}

/* An answer to any publish that ever was: in time, late, or for the second time. */
static void answer_some(World *world)
{
    static const Ack *const acks[] = {&stored, &stored,    &stored, &stored,
                                      &full,   &too_large, &unknown};
    int64_t newest = min_i64((int64_t)world->sent_count, 40);

    if (newest == 0)
        return;
    size_t i = world->sent_count - 1 - walk_roll(&world->walk, (uint32_t)newest);
    if (walk_roll(&world->walk, 4) == 0) {
        answer_run(world, i, walk_roll(&world->walk, 4));
        return;
    }
    const Ack *ack = acks[walk_roll(&world->walk, ARRAY_SIZE(acks))];
    Answered answered = flight_answer(world->flight, world->sent[i].token, ack, world->now_us, 0);

    if (answered.lane != NULL && ack->stored)
        world->acknowledged[world->sent[i].id] = true;
}

static void settle_once(World *world, int64_t id, bool as_stored)
{
    WALK_HOLDS(&world->walk, !as_stored || world->acknowledged[id]);
    WALK_HOLDS(&world->walk, !world->settled[id]);
    world->settled[id] = true;
}

static void settle(World *world)
{
    const Settlement *settlement = flight_settle(world->flight);

    bool rising = true;

    for (size_t i = 0; i < settlement->stored.count; i++) {
        settle_once(world, settlement->stored.at[i], true);
        rising = rising && (i == 0 || settlement->stored.at[i - 1] < settlement->stored.at[i]);
    }
    WALK_HOLDS(&world->walk, rising);
    for (size_t i = 0; i < settlement->late.count; i++)
        settle_once(world, settlement->late.at[i], true);
    for (size_t i = 0; i < settlement->retry.count; i++)
        settle_once(world, settlement->retry.at[i].id, false);
    for (size_t i = 0; i < settlement->bury.count; i++)
        settle_once(world, settlement->bury.at[i].id, false);
}

static void batch(World *world)
{
    size_t rows = walk_roll(&world->walk, 12);
    int64_t first = world->next_id;

    flight_begin(world->flight);
    for (size_t i = 0; i < rows && flight_room(world->flight) > 0 && world->next_id < IDS_MAX;
         i++) {
        size_t tenant = walk_roll(&world->walk, TENANTS);
        uint64_t key = walk_roll(&world->walk, KEYS);
        int64_t id = world->next_id++;

        world->key_of[id] = key;
        world->tenant_of[id] = tenant;
        (void)add(world->flight, lane_of(world, tenant), id, key);
    }
    publish_checked(world, first);
    for (uint32_t i = walk_roll(&world->walk, 20); i > 0; i--) {
        world->now_us += walk_roll(&world->walk, 3000);
        answer_some(world);
        publish_checked(world, first);
    }
    if (walk_roll(&world->walk, 15) == 0)
        flight_lost(world->flight);
    flight_end(world->flight);
    settle(world);
}

static void walk_one(uint32_t seed)
{
    static World world;

    world = (World){.walk = walk_start(seed), .now_us = NOW_US, .next_id = 1};
    world.lanes = lanes_new(BATCH, 1 << 20);
    world.flight = flight_new(32, ATTEMPTS_MAX);
    for (size_t i = 0; i < TENANTS; i++) {
        char name[8];

        (void)snprintf(name, sizeof name, "t%u", (unsigned)i % TENANTS);
        (void)open_lane(world.lanes, name);
    }
    for (world.walk.step = 0; world.walk.step < STEPS; world.walk.step++) {
        batch(&world);
        world.now_us += walk_roll(&world.walk, 10) == 0 ? 6000 * 1000 : 1000;
        answer_some(&world);
        (void)flight_expire(world.flight, world.now_us, 0, "silence");
        settle(&world);
        for (size_t i = 0; i < TENANTS; i++) {
            lane_wake(lane_of(&world, i));
            lane_of(&world, i)->batched = walk_roll(&world.walk, 2) == 0;
        }
    }
    flight_lost(world.flight);
    settle(&world);
    WALK_HOLDS(&world.walk, flight_room(world.flight) == 32);
    WALK_HOLDS(&world.walk, flight_in_flight(world.flight) == 0);
    for (size_t i = 0; i < TENANTS; i++)
        WALK_HOLDS(&world.walk, lane_of(&world, i)->in_flight == 0);
    flight_free(world.flight);
    lanes_free(world.lanes);
}

TEST(random_walks_never_mark_a_row_that_was_not_acknowledged)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++)
        walk_one(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_walks_never_mark_a_row_that_was_not_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

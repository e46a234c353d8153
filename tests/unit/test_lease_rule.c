#include "lease_rule.h"
#include "walk.h"

enum {
    SEEDS = 300,
    STEPS = 400,
    CONTENDERS = 3,
    HOUR_MS = 3600 * 1000,
    START_MS = 100 * HOUR_MS,
    ASLEEP_MS_MAX = 40000,
};

static cJSON *lease(const char *version, const char *holder, const char *renewed)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *metadata = cJSON_CreateObject();
    cJSON *spec = cJSON_CreateObject();

    json_set_text(metadata, "resourceVersion", version);
    json_set_text(spec, "holderIdentity", holder);
    json_set_text(spec, "renewTime", renewed);
    json_set_int(spec, "leaseDurationSeconds", 15);
    json_set(object, "metadata", metadata);
    json_set(object, "spec", spec);
    return object;
}

static void see(LeaseView *view, const char *version, const char *renewed, int64_t now_ms)
{
    DEFER(defer_json) cJSON *object = lease(version, "other", renewed);

    lease_view_update(view, object, now_ms);
}

TEST(what_nobody_holds_is_taken_and_what_is_ours_is_renewed)
{
    LeaseView view = {0};

    assert_int_equal(lease_move(&view, "me", 1000), LEASE_TAKE);
    see(&view, "1", "2026-01-01T00:00:00.000000Z", 1000);
    assert_int_equal(lease_move(&view, "me", 1000), LEASE_WAIT);
    assert_int_equal(lease_move(&view, "other", 1000), LEASE_RENEW);
}

/* Its time of renewal may lie an hour ahead or behind: only our own clock counts. */
TEST(a_lease_expires_by_our_own_clock_whatever_time_it_shows)
{
    static const char *const shown[] = {"2020-01-01T00:00:00.000000Z",
                                        "2026-01-01T00:00:00.000000Z",
                                        "2036-01-01T00:00:00.000000Z", "nonsense", ""};

    for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
        LeaseView view = {0};

        see(&view, "1", shown[i], 100000);
        assert_int_equal(lease_move(&view, "me", 100000 + LEASE_DURATION_MS - 1), LEASE_WAIT);
        assert_int_equal(lease_move(&view, "me", 100000 + LEASE_DURATION_MS), LEASE_TAKE);
    }
}

TEST(a_record_that_changed_is_waited_for_anew)
{
    LeaseView view = {0};

    see(&view, "1", "t1", 0);
    see(&view, "1", "t1", 10000); /* the same one, seen once more */
    assert_int_equal(lease_move(&view, "me", LEASE_DURATION_MS), LEASE_TAKE);
    see(&view, "2", "t1", 14000); /* a holder whose clock stands still renews all the same */
    assert_int_equal(lease_move(&view, "me", LEASE_DURATION_MS), LEASE_WAIT);
    assert_int_equal(lease_move(&view, "me", 14000 + LEASE_DURATION_MS), LEASE_TAKE);
}

TEST(a_lease_that_was_given_back_is_taken_at_once)
{
    DEFER(defer_json) cJSON *old = lease("1", "other", "t1");
    DEFER(defer_json) cJSON *given = lease("2", "", "t2");
    LeaseView view = {0};

    lease_view_update(&view, old, 0);
    lease_view_update(&view, given, 1);
    assert_int_equal(lease_move(&view, "me", 1), LEASE_TAKE);
}

TEST(what_is_written_counts_take_overs_and_keeps_the_time_of_the_take_over)
{
    LeaseWrite write = {.move = LEASE_TAKE, .me = "me", .now = "t1"};
    DEFER(defer_json) cJSON *first = lease_spec(&write);

    assert_string_equal(json_text(first, "holderIdentity", ""), "me");
    assert_int_equal(json_int(first, "leaseDurationSeconds", 0), 15);
    assert_int_equal(json_int(first, "leaseTransitions", -1), 0);
    write = (LeaseWrite){.move = LEASE_RENEW, .me = "me", .now = "t2", .old = first};
    DEFER(defer_json) cJSON *renewed = lease_spec(&write);
    assert_string_equal(json_text(renewed, "acquireTime", ""), "t1");
    assert_string_equal(json_text(renewed, "renewTime", ""), "t2");
    assert_int_equal(json_int(renewed, "leaseTransitions", -1), 0);
    write = (LeaseWrite){.move = LEASE_TAKE, .me = "you", .now = "t3", .old = renewed};
    DEFER(defer_json) cJSON *taken = lease_spec(&write);
    assert_string_equal(json_text(taken, "acquireTime", ""), "t3");
    assert_int_equal(json_int(taken, "leaseTransitions", -1), 1);
    DEFER(defer_json) cJSON *released = lease_spec_released(taken, "t4");
    assert_string_equal(json_text(released, "holderIdentity", "?"), "");
    assert_int_equal(json_int(released, "leaseDurationSeconds", 0), 1);
    assert_int_equal(json_int(released, "leaseTransitions", -1), 1);
}

TEST(a_holder_stops_before_others_may_begin)
{
    assert_true(lease_is_valid(1000, 1000 + LEASE_RENEW_DEADLINE_MS - 1));
    assert_false(lease_is_valid(1000, 1000 + LEASE_RENEW_DEADLINE_MS));
    assert_false(lease_is_wedged(1000, 1000 + LEASE_DURATION_MS));
    assert_true(lease_is_wedged(1000, 1000 + LEASE_DURATION_MS + 5001));
    assert_true(LEASE_DURATION_MS > LEASE_RENEW_DEADLINE_MS);
    assert_true(LEASE_RENEW_DEADLINE_MS > LEASE_RETRY_MS * 6 / 5);
}

/* ---- a walk: several contenders, each with clocks of its own, and one record with versions */

typedef struct Contender {
    char name[16];
    int64_t clock_off_ms; /* of its monotonic clock, against the true time        */
    int64_t wall_off_ms;  /* of the clock whose time it writes                    */
    int64_t next_ms;      /* true time of its next step                           */
    LeaseMove move;       /* a write on its way; LEASE_WAIT: none                 */
    int64_t sent_ms;      /* by its own clock                                     */
    int64_t renewed_ms;   /* likewise, of the last write that was taken; 0: never */
    LeaseView view;
} Contender;

typedef struct World {
    Walk walk;
    int64_t now_ms; /* the true time */
    int64_t version;
    cJSON *record; /* NULL: there is none */
    Contender contenders[CONTENDERS];
} World;

static void world_done(World *world)
{
    cJSON_Delete(world->record);
}

static int64_t clock_of(const World *world, const Contender *one)
{
    return world->now_ms + one->clock_off_ms;
}

static void world_start(World *world, uint32_t seed)
{
    *world = (World){.walk = walk_start(seed), .now_ms = START_MS};
    for (int i = 0; i < CONTENDERS; i++) {
        Contender *one = &world->contenders[i];

        (void)snprintf(one->name, sizeof one->name, "c%d", i);
        one->clock_off_ms = walk_roll(&world->walk, HOUR_MS);
        one->wall_off_ms = (int64_t)walk_roll(&world->walk, 2 * HOUR_MS) - HOUR_MS;
        one->next_ms = world->now_ms + walk_roll(&world->walk, LEASE_RETRY_MS);
    }
}

/* It reads, and decides; what it sends arrives after a while. */
static void look(World *world, Contender *one)
{
    if (world->record != NULL)
        lease_view_update(&one->view, world->record, clock_of(world, one));
    one->move = lease_move(&one->view, one->name, clock_of(world, one));
    one->sent_ms = clock_of(world, one);
}

/* As the API server does, it takes the write only from who saw the last version. */
static void write_record(World *world, Contender *one)
{
    char text[24];
    const int64_t seen = strtoll(one->view.record, NULL, 10);

    if (seen != world->version)
        return;
    (void)snprintf(text, sizeof text, "%" PRId64, world->now_ms + one->wall_off_ms);
    const LeaseWrite write = {
        .move = one->move, .me = one->name, .now = text, .old = json_at(world->record, "spec")};
    cJSON *spec = lease_spec(&write);
    (void)snprintf(text, sizeof text, "%" PRId64, ++world->version);
    cJSON *record = lease(text, "", "");

    json_set(record, "spec", spec);
    cJSON_Delete(world->record);
    world->record = record;
    lease_view_update(&one->view, record, clock_of(world, one));
    one->renewed_ms = one->sent_ms;
}

static Contender *next_of(World *world)
{
    Contender *next = &world->contenders[0];

    for (int i = 1; i < CONTENDERS; i++) {
        if (world->contenders[i].next_ms < next->next_ms)
            next = &world->contenders[i];
    }
    return next;
}

/* Between any two steps it may sleep: a machine that swaps, a network that hangs. */
static void take_step(World *world)
{
    Contender *one = next_of(world);
    bool asleep = walk_roll(&world->walk, 12) == 0;

    world->now_ms = one->next_ms;
    if (one->move != LEASE_WAIT) {
        write_record(world, one);
        one->move = LEASE_WAIT;
    } else {
        look(world, one);
    }
    int64_t wait_ms = one->move != LEASE_WAIT ? walk_roll(&world->walk, 500) : LEASE_RETRY_MS;
    one->next_ms = world->now_ms + (asleep ? walk_roll(&world->walk, ASLEEP_MS_MAX) : wait_ms);
}

static int valid_ones(const World *world)
{
    int count = 0;

    for (int i = 0; i < CONTENDERS; i++) {
        const Contender *one = &world->contenders[i];

        if (one->renewed_ms > 0 && lease_is_valid(one->renewed_ms, clock_of(world, one)))
            count++;
    }
    return count;
}

TEST(whatever_the_clocks_say_and_whoever_sleeps_no_two_may_write)
{
    int64_t held = 0;

    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        DEFER(world_done) World world;

        world_start(&world, seed);
        for (world.walk.step = 0; world.walk.step < STEPS; world.walk.step++) {
            take_step(&world);
            WALK_HOLDS(&world.walk, valid_ones(&world) <= 1);
            held += valid_ones(&world);
        }
        WALK_HOLDS(&world.walk, json_int(world.record, "spec.leaseTransitions", 0) > 0);
    }
    assert_true(held > (int64_t)SEEDS * STEPS / 2); /* and most of the time one may */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_holds_is_taken_and_what_is_ours_is_renewed),
        cmocka_unit_test(a_lease_expires_by_our_own_clock_whatever_time_it_shows),
        cmocka_unit_test(a_record_that_changed_is_waited_for_anew),
        cmocka_unit_test(a_lease_that_was_given_back_is_taken_at_once),
        cmocka_unit_test(what_is_written_counts_take_overs_and_keeps_the_time_of_the_take_over),
        cmocka_unit_test(a_holder_stops_before_others_may_begin),
        cmocka_unit_test(whatever_the_clocks_say_and_whoever_sleeps_no_two_may_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

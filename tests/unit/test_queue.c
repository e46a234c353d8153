#include "queue_takes.h"
#include "walk.h"

QUEUE_TEST(an_empty_queue_hands_out_nothing)
{
    Queue *queue = *state;

    take_is(queue, 0, NULL);
    assert_int_equal(queue_wait_ms(queue, 0), -1);
    assert_int_equal(queue_depth(queue), 0);
}

QUEUE_TEST(keys_come_out_in_the_order_they_went_in)
{
    Queue *queue = *state;

    queue_add(queue, "a", QUEUE_BACKLOG);
    queue_add(queue, "b", QUEUE_BACKLOG);
    queue_add(queue, "c", QUEUE_BACKLOG);
    assert_int_equal(queue_depth(queue), 3);
    assert_int_equal(queue_wait_ms(queue, 0), 0);
    take_is(queue, 0, "a");
    take_is(queue, 0, "b");
    take_is(queue, 0, "c");
    take_is(queue, 0, NULL);
    assert_int_equal(queue_active(queue), 3);
}

QUEUE_TEST(a_key_added_twice_is_taken_once)
{
    Queue *queue = *state;

    queue_add(queue, "a", QUEUE_USER);
    queue_add(queue, "a", QUEUE_USER);
    take_is(queue, 0, "a");
    queue_done(queue, "a");
    take_is(queue, 0, NULL);
}

QUEUE_TEST(a_key_that_is_worked_on_is_not_handed_out_again)
{
    Queue *queue = *state;

    queue_add(queue, "a", QUEUE_USER);
    take_is(queue, 0, "a");
    queue_add(queue, "a", QUEUE_USER);
    take_is(queue, 0, NULL);
    assert_int_equal(queue_depth(queue), 0);
}

QUEUE_TEST(a_key_added_while_it_is_worked_on_is_taken_once_more)
{
    Queue *queue = *state;

    queue_add(queue, "a", QUEUE_USER);
    take_is(queue, 0, "a");
    queue_add(queue, "a", QUEUE_USER);
    queue_add(queue, "a", QUEUE_BACKLOG);
    queue_done(queue, "a");
    take_is(queue, 0, "a");
    queue_done(queue, "a");
    take_is(queue, 0, NULL);
}

QUEUE_TEST(an_edit_overtakes_the_backlog)
{
    Queue *queue = *state;

    queue_add(queue, "old-1", QUEUE_BACKLOG);
    queue_add(queue, "old-2", QUEUE_BACKLOG);
    queue_add(queue, "edit", QUEUE_USER);
    queue_add(queue, "old-2", QUEUE_USER);
    take_is(queue, 0, "edit");
    take_is(queue, 0, "old-2");
    take_is(queue, 0, "old-1");
    take_is(queue, 0, NULL);
}

QUEUE_TEST(what_is_only_to_be_written_down_waits_for_the_backlog)
{
    Queue *queue = *state;

    queue_add(queue, "written-1", QUEUE_REPORT);
    queue_add(queue, "written-2", QUEUE_REPORT);
    queue_add(queue, "old", QUEUE_BACKLOG);
    queue_add(queue, "counts", QUEUE_NUMBERS);
    queue_add(queue, "look", QUEUE_LOOK);
    queue_add(queue, "written-2", QUEUE_USER);
    assert_int_equal(queue_depth(queue), 5);
    assert_int_equal(queue_depth_of(queue, QUEUE_REPORT), 1);
    take_is(queue, 0, "written-2");
    take_is(queue, 0, "old");
    take_is(queue, 0, "written-1");
    assert_int_equal(queue_depth_of(queue, QUEUE_REPORT), 0);
    take_is(queue, 0, "look");
    take_is(queue, 0, "counts");
}

QUEUE_TEST(a_sweep_does_not_put_an_edit_back_into_the_backlog)
{
    Queue *queue = *state;

    queue_add(queue, "old", QUEUE_BACKLOG);
    queue_add(queue, "edit", QUEUE_USER);
    queue_add(queue, "edit", QUEUE_BACKLOG);
    take_is(queue, 0, "edit");
}

QUEUE_TEST(an_edit_while_a_key_is_worked_on_overtakes_the_backlog_afterwards)
{
    Queue *queue = *state;

    queue_add(queue, "a", QUEUE_BACKLOG);
    take_is(queue, 0, "a");
    queue_add(queue, "old", QUEUE_BACKLOG);
    queue_add(queue, "a", QUEUE_BACKLOG);
    queue_add(queue, "a", QUEUE_USER);
    queue_add(queue, "a", QUEUE_BACKLOG);
    queue_done(queue, "a");
    take_is(queue, 0, "a");
}

QUEUE_TEST(a_delayed_key_waits_for_its_time)
{
    Queue *queue = *state;

    queue_add_at(queue, "a", 1000);
    assert_int_equal(queue_wait_ms(queue, 400), 600);
    take_is(queue, 999, NULL);
    take_is(queue, 1000, "a");
    assert_int_equal(queue_wait_ms(queue, 1000), -1);
}

QUEUE_TEST(the_earlier_of_two_times_counts)
{
    Queue *queue = *state;

    queue_add_at(queue, "a", 1000);
    queue_add_at(queue, "a", 2000);
    queue_add_at(queue, "b", 2000);
    queue_add_at(queue, "b", 500);
    take_is(queue, 500, "b");
    take_is(queue, 1000, "a");
    queue_done(queue, "a");
    queue_done(queue, "b");
    take_is(queue, 9999, NULL);
}

QUEUE_TEST(an_addition_ends_a_delay)
{
    Queue *queue = *state;

    queue_add_at(queue, "a", 1000);
    queue_add(queue, "a", QUEUE_USER);
    take_is(queue, 0, "a");
    queue_done(queue, "a");
    take_is(queue, 1000, NULL);
}

QUEUE_TEST(what_is_due_already_is_not_delayed)
{
    Queue *queue = *state;

    queue_add(queue, "a", QUEUE_USER);
    queue_add_at(queue, "a", 1000);
    take_is(queue, 0, "a");
    queue_done(queue, "a");
    take_is(queue, 1000, NULL);
}

QUEUE_TEST(a_delay_that_ends_during_the_work_means_once_more)
{
    Queue *queue = *state;

    queue_add(queue, "a", QUEUE_USER);
    take_is(queue, 0, "a");
    queue_add_at(queue, "a", 100);
    take_is(queue, 100, NULL);
    queue_done(queue, "a");
    take_is(queue, 100, "a");
    queue_done(queue, "a");
    take_is(queue, 200, NULL);
}

QUEUE_TEST(delayed_keys_come_out_in_the_order_of_their_times)
{
    static const int64_t times[] = {70, 30, 90, 10, 50, 80, 20, 60, 40, 100, 95, 5};
    Queue *queue = *state;
    char key[8];

    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        (void)snprintf(key, sizeof key, "%d", (int)times[i]);
        queue_add_at(queue, key, times[i]);
    }
    int64_t last = 0;
    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        const char *taken = queue_take(queue, 1000);

        assert_non_null(taken);
        assert_true(strtoll(taken, NULL, 10) > last);
        last = strtoll(taken, NULL, 10);
    }
}

QUEUE_TEST(each_failure_doubles_the_delay_up_to_five_minutes)
{
    static const int64_t longest[] = {50,    100,   200,   400,    800,    1600,   3200,  6400,
                                      12800, 25600, 51200, 102400, 204800, 300000, 300000};
    Queue *queue = *state;

    for (size_t i = 0; i < ARRAY_SIZE(longest); i++)
        assert_int_equal(queue_retry(queue, "a", 0, UINT32_MAX), longest[i]);
    assert_int_equal(queue_retry(queue, "a", 0, 0), 150000);
    assert_int_equal(queue_retry(queue, "other", 0, UINT32_MAX), 50);
}

QUEUE_TEST(a_success_starts_the_delays_again)
{
    Queue *queue = *state;

    (void)queue_retry(queue, "a", 0, UINT32_MAX);
    (void)queue_retry(queue, "a", 0, UINT32_MAX);
    queue_forget(queue, "a");
    assert_int_equal(queue_retry(queue, "a", 0, UINT32_MAX), 50);
    queue_forget(queue, "never seen");
}

QUEUE_TEST(a_key_that_failed_comes_back_after_its_delay)
{
    Queue *queue = *state;

    queue_add(queue, "a", QUEUE_USER);
    take_is(queue, 0, "a");
    assert_int_equal(queue_retry(queue, "a", 0, UINT32_MAX), 50);
    queue_done(queue, "a");
    take_is(queue, 49, NULL);
    take_is(queue, 50, "a");
}

/* The walk: the queue beside a model that is a plain array and is searched from end to end. */

enum { KEYS = 16, SEEDS = 1000, STEPS = 500, NEVER = -1 };

static const char *const keys[KEYS] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                       "i", "j", "k", "l", "m", "n", "o", "p"};

typedef struct Model {
    bool ready;
    bool active;
    bool again; /* was added while it was active */
    QueuePriority priority;
    int64_t turn;   /* among the ready ones; those that woke together have the same */
    int64_t due_ms; /* NEVER: not delayed */
    int failures;
} Model;

typedef struct World {
    Walk walk;
    Queue *queue;
    Model keys[KEYS];
    int64_t now_ms;
    int64_t turn;
    size_t active;
} World;

static void model_add(World *world, Model *key, QueuePriority priority)
{
    bool waiting = key->active ? key->again : key->ready;

    key->due_ms = NEVER;
    if (waiting && key->priority <= priority)
        return;
    key->priority = priority;
    key->turn = world->turn;
    key->again = key->active;
    key->ready = !key->active;
}

static void model_add_at(Model *key, int64_t due_ms)
{
    if (!key->ready && !key->again && (key->due_ms == NEVER || key->due_ms > due_ms))
        key->due_ms = due_ms;
}

static void model_wake(World *world, int64_t until_ms)
{
    world->turn++;
    for (int i = 0; i < KEYS; i++) {
        if (world->keys[i].due_ms != NEVER && world->keys[i].due_ms <= until_ms)
            model_add(world, &world->keys[i], QUEUE_BACKLOG);
        if (until_ms == INT64_MAX)
            world->keys[i].failures = 0;
    }
}

static bool goes_before(const Model *a, const Model *b)
{
    return a->ready &&
           (a->priority < b->priority || (a->priority == b->priority && a->turn < b->turn));
}

static void walk_take(World *world)
{
    const char *key = queue_take(world->queue, world->now_ms);
    Model *model = key != NULL ? &world->keys[key[0] - 'a'] : NULL;

    model_wake(world, world->now_ms);
    WALK_HOLDS(&world->walk, model == NULL || !model->active); /* one worker a key at a time */
    WALK_HOLDS(&world->walk, model == NULL || model->ready);   /* nothing before its time */
    for (int i = 0; i < KEYS; i++) {
        WALK_HOLDS(&world->walk, model != NULL || !world->keys[i].ready); /* nothing is held back */
        WALK_HOLDS(&world->walk, model == NULL || !goes_before(&world->keys[i], model));
    }
    if (model == NULL)
        return;
    model->ready = false;
    model->active = true;
    world->active++;
}

static void walk_done(World *world)
{
    int at = (int)walk_roll(&world->walk, KEYS);
    Model *model = &world->keys[at];

    if (!model->active)
        return;
    queue_done(world->queue, keys[at]);
    model->active = false;
    model->ready = model->again; /* once more, with the priority it was given */
    model->again = false;
    model->turn = ++world->turn;
    world->active--;
}

static void walk_retry(World *world, int at)
{
    Model *model = &world->keys[at];
    int64_t longest = model->failures < 13 ? INT64_C(50) << model->failures : 300000;
    int64_t delay =
        queue_retry(world->queue, keys[at], world->now_ms, walk_roll(&world->walk, UINT32_MAX));

    WALK_HOLDS(&world->walk, delay >= longest / 2 && delay <= longest);
    model->failures++;
    model_add_at(model, world->now_ms + delay);
}

static void walk_change(World *world, uint32_t roll)
{
    int at = (int)walk_roll(&world->walk, KEYS);
    Model *model = &world->keys[at];
    QueuePriority priority = roll % 2 == 0 ? QUEUE_USER : QUEUE_BACKLOG;
    int64_t due_ms = world->now_ms + walk_roll(&world->walk, 200);

    world->turn++;
    if (roll < 10) {
        queue_add(world->queue, keys[at], priority);
        model_add(world, model, priority);
    } else if (roll < 30) {
        queue_add_at(world->queue, keys[at], due_ms);
        model_add_at(model, due_ms);
    } else if (roll < 42) {
        walk_retry(world, at);
    } else {
        queue_forget(world->queue, keys[at]);
        model->failures = 0;
    }
}

static void walk_check_counts(const World *world)
{
    int64_t wait_ms = NEVER;
    size_t ready = 0;
    size_t failing = 0;

    for (int i = 0; i < KEYS; i++) {
        const Model *key = &world->keys[i];
        int64_t key_ms = max_i64(key->due_ms - world->now_ms, 0);

        ready += key->ready;
        failing += key->failures > 0;
        if (key->due_ms != NEVER && (wait_ms == NEVER || key_ms < wait_ms))
            wait_ms = key_ms;
    }
    WALK_HOLDS(&world->walk, queue_depth(world->queue) == ready);
    WALK_HOLDS(&world->walk, queue_active(world->queue) == world->active);
    WALK_HOLDS(&world->walk, queue_failing(world->queue) == failing);
    WALK_HOLDS(&world->walk,
               queue_wait_ms(world->queue, world->now_ms) == (ready > 0 ? 0 : wait_ms));
}

static void walk_step(World *world)
{
    uint32_t roll = walk_roll(&world->walk, 100);

    if (roll < 45)
        walk_change(world, roll);
    else if (roll < 65)
        walk_take(world);
    else if (roll < 85)
        walk_done(world);
    else if (roll < 99)
        world->now_ms += walk_roll(&world->walk, 100);
    else {
        queue_wake_all(world->queue);
        model_wake(world, INT64_MAX);
    }
    walk_check_counts(world);
}

/* Whatever was added comes out in the end, and then there is nothing left. */
static void walk_drain(World *world)
{
    world->now_ms += 3600000;
    for (int i = 0; i < 1000 * KEYS && (world->active > 0 || queue_wait_ms(world->queue, 0) >= 0);
         i++) {
        walk_take(world);
        walk_done(world);
    }
    for (int i = 0; i < KEYS; i++)
        WALK_HOLDS(&world->walk, !world->keys[i].ready && world->keys[i].due_ms == NEVER);
    walk_check_counts(world);
}

TEST(on_random_walks_nothing_is_lost_doubled_early_or_out_of_turn)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        World world = {.walk = walk_start(seed), .queue = queue_new()};

        for (int i = 0; i < KEYS; i++)
            world.keys[i].due_ms = NEVER;
        for (world.walk.step = 0; world.walk.step < STEPS; world.walk.step++)
            walk_step(&world);
        walk_drain(&world);
        queue_free(world.queue);
    }
}

#define QUEUE_UNIT_TEST(name) cmocka_unit_test_setup_teardown(name, queue_setup, queue_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_UNIT_TEST(an_empty_queue_hands_out_nothing),
        QUEUE_UNIT_TEST(keys_come_out_in_the_order_they_went_in),
        QUEUE_UNIT_TEST(a_key_added_twice_is_taken_once),
        QUEUE_UNIT_TEST(a_key_that_is_worked_on_is_not_handed_out_again),
        QUEUE_UNIT_TEST(a_key_added_while_it_is_worked_on_is_taken_once_more),
        QUEUE_UNIT_TEST(an_edit_overtakes_the_backlog),
        QUEUE_UNIT_TEST(what_is_only_to_be_written_down_waits_for_the_backlog),
        QUEUE_UNIT_TEST(a_sweep_does_not_put_an_edit_back_into_the_backlog),
        QUEUE_UNIT_TEST(an_edit_while_a_key_is_worked_on_overtakes_the_backlog_afterwards),
        QUEUE_UNIT_TEST(a_delayed_key_waits_for_its_time),
        QUEUE_UNIT_TEST(the_earlier_of_two_times_counts),
        QUEUE_UNIT_TEST(an_addition_ends_a_delay),
        QUEUE_UNIT_TEST(what_is_due_already_is_not_delayed),
        QUEUE_UNIT_TEST(a_delay_that_ends_during_the_work_means_once_more),
        QUEUE_UNIT_TEST(delayed_keys_come_out_in_the_order_of_their_times),
        QUEUE_UNIT_TEST(each_failure_doubles_the_delay_up_to_five_minutes),
        QUEUE_UNIT_TEST(a_success_starts_the_delays_again),
        QUEUE_UNIT_TEST(a_key_that_failed_comes_back_after_its_delay),
        cmocka_unit_test(on_random_walks_nothing_is_lost_doubled_early_or_out_of_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "queue_takes.h"

static void taken_for(Queue *queue, int64_t now_ms, const char *key, QueuePriority priority)
{
    take_is(queue, now_ms, key);
    assert_int_equal(queue_priority(queue, key), priority);
}

QUEUE_TEST(numbers_wait_behind_everything_else)
{
    Queue *queue = *state;

    queue_add(queue, "a", QUEUE_NUMBERS);
    queue_add(queue, "b", QUEUE_NUMBERS);
    queue_add(queue, "c", QUEUE_BACKLOG);
    queue_add(queue, "b", QUEUE_BACKLOG);
    queue_add(queue, "c", QUEUE_NUMBERS);
    taken_for(queue, 0, "c", QUEUE_BACKLOG);
    taken_for(queue, 0, "b", QUEUE_BACKLOG);
    taken_for(queue, 0, "a", QUEUE_NUMBERS);
    take_is(queue, 0, NULL);
}

QUEUE_TEST(numbers_leave_a_retry_as_it_is)
{
    Queue *queue = *state;

    queue_add_at(queue, "a", 100);
    queue_add(queue, "a", QUEUE_NUMBERS);
    taken_for(queue, 0, "a", QUEUE_NUMBERS);
    queue_done(queue, "a");
    take_is(queue, 99, NULL);
    taken_for(queue, 100, "a", QUEUE_BACKLOG);
    queue_add(queue, "a", QUEUE_NUMBERS);
    queue_add_at(queue, "a", 200);
    queue_done(queue, "a");
    taken_for(queue, 100, "a", QUEUE_NUMBERS);
    queue_done(queue, "a");
    taken_for(queue, 200, "a", QUEUE_BACKLOG);
}

QUEUE_TEST(delayed_numbers_come_at_their_time_and_give_way_to_a_look)
{
    Queue *queue = *state;

    queue_recount_at(queue, "a", 100);
    queue_recount_at(queue, "a", 50);
    take_is(queue, 99, NULL);
    taken_for(queue, 100, "a", QUEUE_NUMBERS);
    queue_done(queue, "a");
    queue_recount_at(queue, "a", 200);
    queue_add_at(queue, "a", 300);
    take_is(queue, 299, NULL);
    taken_for(queue, 300, "a", QUEUE_BACKLOG);
    queue_add_at(queue, "a", 400);
    queue_recount_at(queue, "a", 350);
    queue_done(queue, "a");
    take_is(queue, 399, NULL);
    taken_for(queue, 400, "a", QUEUE_BACKLOG);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, queue_setup, queue_teardown)
    const struct CMUnitTest tests[] = {
        T(numbers_wait_behind_everything_else),
        T(numbers_leave_a_retry_as_it_is),
        T(delayed_numbers_come_at_their_time_and_give_way_to_a_look),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

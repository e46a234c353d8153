#include "queue.h"
#include "unit.h"

static void free_queue(Queue **slot)
{
    queue_free(*slot);
}

/* The next key is WANT, and has waited so long. */
static void waited(Queue *queue, int64_t now_ms, const char *want, int64_t want_ms)
{
    const char *key = queue_take(queue, now_ms);

    assert_non_null(key);
    assert_string_equal(key, want);
    assert_int_equal(queue_waited_ms(queue, key), want_ms);
}

TEST(a_key_has_waited_since_it_became_ready)
{
    DEFER(free_queue) Queue *queue = queue_new();

    queue_tick(queue, 100);
    queue_add(queue, "a", QUEUE_BACKLOG);
    queue_tick(queue, 150);
    queue_add(queue, "b", QUEUE_USER);
    queue_tick(queue, 160);
    queue_add(queue, "a", QUEUE_USER); /* it overtakes, and has waited all the same */
    waited(queue, 180, "b", 30);
    waited(queue, 190, "a", 90);
}

TEST(a_delayed_key_has_waited_since_it_was_due)
{
    DEFER(free_queue) Queue *queue = queue_new();

    queue_add_at(queue, "a", 300);
    waited(queue, 350, "a", 50);
    queue_done(queue, "a");
    queue_add_at(queue, "a", 900);
    queue_tick(queue, 400);
    queue_wake_all(queue); /* before its time */
    waited(queue, 410, "a", 10);
}

TEST(a_key_that_was_added_during_the_work_waits_from_its_end)
{
    DEFER(free_queue) Queue *queue = queue_new();

    queue_tick(queue, 10);
    queue_add(queue, "a", QUEUE_USER);
    waited(queue, 20, "a", 10);
    queue_add(queue, "a", QUEUE_USER);
    queue_tick(queue, 50);
    queue_done(queue, "a");
    waited(queue, 60, "a", 10);
}

TEST(when_the_server_is_back_nothing_waits_any_longer)
{
    DEFER(free_queue) Queue *queue = queue_new();

    (void)queue_retry(queue, "a", 0, 0);
    queue_add_at(queue, "b", 99999);
    queue_add(queue, "c", QUEUE_BACKLOG);
    queue_wake_all(queue);
    assert_int_equal(queue_depth(queue), 3);
    assert_int_equal(queue_wait_ms(queue, 0), 0);
}

TEST(a_server_that_is_back_is_asked_as_often_as_a_new_one)
{
    DEFER(free_queue) Queue *queue = queue_new();

    for (int i = 0; i < 5; i++)
        (void)queue_retry(queue, "a", 0, UINT32_MAX);
    (void)queue_retry(queue, "b", 0, UINT32_MAX);
    assert_int_equal(queue_failing(queue), 2);
    queue_wake_all(queue);
    assert_int_equal(queue_failing(queue), 0);
    waited(queue, 0, "a", 0);
    assert_int_equal(queue_retry(queue, "a", 0, UINT32_MAX), 50);
    assert_int_equal(queue_failing(queue), 1);
    queue_forget(queue, "a");
    assert_int_equal(queue_failing(queue), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_waited_since_it_became_ready),
        cmocka_unit_test(a_delayed_key_has_waited_since_it_was_due),
        cmocka_unit_test(a_key_that_was_added_during_the_work_waits_from_its_end),
        cmocka_unit_test(when_the_server_is_back_nothing_waits_any_longer),
        cmocka_unit_test(a_server_that_is_back_is_asked_as_often_as_a_new_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

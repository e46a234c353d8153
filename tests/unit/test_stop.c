#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "child.h"
#include "clock.h"
#include "stop.h"
#include "unit.h"

/* Each case is a process of its own, as a stop cannot be taken back. Exit code 0: as it should. */

static bool readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 1;
}

static int nothing_happens(void *context)
{
    (void)context;
    stop_init();
    int64_t began_ms = clock_ms();
    bool stopped = stop_wait_ms(30);
    bool waited = clock_ms() - began_ms >= 29;

    return !stopped && waited && !stop_requested() && !readable(stop_fd()) ? 0 : 1;
}

static int is_stopped(void)
{
    return stop_requested() && readable(stop_fd()) && stop_wait_ms(600000) ? 0 : 1;
}

static int asked_by_the_program(void *context)
{
    (void)context;
    stop_init();
    stop_request();
    stop_request();
    return is_stopped();
}

static int asked_by_a_signal(void *context)
{
    const int *number = context;

    stop_init();
    (void)raise(*number);
    return is_stopped();
}

static int asked_by_two_signals(void *context)
{
    const int *number = context;

    stop_init();
    (void)raise(*number);
    (void)raise(*number);
    return 0;
}

static void *request_soon(void *context)
{
    const struct timespec moment = {.tv_nsec = 20000000};

    (void)context;
    (void)nanosleep(&moment, NULL);
    stop_request();
    return NULL;
}

static int asked_by_a_thread(void *context)
{
    pthread_t thread;

    (void)context;
    stop_init();
    if (pthread_create(&thread, NULL, request_soon, NULL) != 0)
        return 2;
    bool stopped = stop_wait_ms(600000);
    (void)pthread_join(thread, NULL);
    return stopped ? is_stopped() : 1;
}

static int a_pipe_breaks(void *context)
{
    (void)context;
    stop_init();
    (void)raise(SIGPIPE);
    return stop_requested() ? 1 : 0;
}

static int end_of(int (*fn)(void *), int number)
{
    return child_run(fn, &number)->status;
}

TEST(without_a_reason_nothing_stops)
{
    assert_int_equal(end_of(nothing_happens, 0), 0);
}

TEST(a_program_may_ask_for_its_own_stop)
{
    assert_int_equal(end_of(asked_by_the_program, 0), 0);
    assert_int_equal(end_of(asked_by_a_thread, 0), 0);
}

TEST(the_first_signal_asks_for_a_stop)
{
    assert_int_equal(end_of(asked_by_a_signal, SIGTERM), 0);
    assert_int_equal(end_of(asked_by_a_signal, SIGINT), 0);
}

TEST(the_second_signal_ends_the_process_with_its_number)
{
    assert_int_equal(end_of(asked_by_two_signals, SIGTERM), 128 + SIGTERM);
    assert_int_equal(end_of(asked_by_two_signals, SIGINT), 128 + SIGINT);
}

TEST(a_broken_pipe_does_no_harm)
{
    assert_int_equal(end_of(a_pipe_breaks, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_reason_nothing_stops),
        cmocka_unit_test(a_program_may_ask_for_its_own_stop),
        cmocka_unit_test(the_first_signal_asks_for_a_stop),
        cmocka_unit_test(the_second_signal_ends_the_process_with_its_number),
        cmocka_unit_test(a_broken_pipe_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

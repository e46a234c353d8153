#include "stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

static atomic_bool requested;
static int event_fd = -1;

void stop_request(void)
{
    const uint64_t one = 1;
    int saved = errno; /* this also runs in a signal handler */

    if (atomic_exchange(&requested, true))
        return;
    ssize_t written;
    do
        written = write(event_fd, &one, sizeof one);
    while (written < 0 && errno == EINTR);
    errno = saved;
}

static void on_signal(int number)
{
    if (atomic_load(&requested))
        _exit(128 + number);
    stop_request();
}

void stop_init(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert(event_fd >= 0);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

bool stop_requested(void)
{
    return atomic_load(&requested);
}

int stop_fd(void)
{
    return event_fd;
}

bool stop_wait_ms(int64_t ms)
{
    struct pollfd stop = {.fd = event_fd, .events = POLLIN};

    assert(ms >= 0);
    (void)poll(&stop, 1, (int)min_i64(ms, INT32_MAX));
    return stop_requested();
}

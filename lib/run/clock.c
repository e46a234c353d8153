#include "clock.h"

#include <sys/random.h>
#include <time.h>

static int64_t now_us(clockid_t id)
{
    struct timespec now;
    int r = clock_gettime(id, &now);

    assert(r == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

int64_t clock_ms(void)
{
    return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_wall_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000;
}

/* "2026-11-23T12:00:00", and the milliseconds that are left over. */
static int format_seconds(int64_t wall_ms, char ret_text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;

    assert(wall_ms >= 0);
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(ret_text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        assert(!"a year of more digits than fit");
    return (int)(wall_ms % 1000);
}

void clock_rfc3339(int64_t wall_ms, char ret_text[CLOCK_TEXT_SIZE])
{
    char seconds[CLOCK_TEXT_SIZE];

    (void)format_seconds(wall_ms, seconds);
    (void)snprintf(ret_text, CLOCK_TEXT_SIZE, "%.19sZ", seconds);
}

void clock_rfc3339_micro(int64_t wall_ms, char ret_text[CLOCK_TEXT_SIZE])
{
    char seconds[CLOCK_TEXT_SIZE];
    int ms = format_seconds(wall_ms, seconds);

    (void)snprintf(ret_text, CLOCK_TEXT_SIZE, "%.19s.%03d000Z", seconds, ms);
}

uint32_t random_u32(void)
{
    uint32_t number = 0;

    /* Up to 256 bytes never come in parts, and a start so early that the pool is still empty
     * waits once. */
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        abort();
    return number;
}

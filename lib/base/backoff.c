#include "backoff.h"

int64_t backoff_delay_ms(const Backoff *backoff, uint32_t attempt, uint32_t random)
{
    int64_t delay = backoff->first_ms;

    assert(backoff->first_ms > 0 && backoff->first_ms <= backoff->last_ms);
    assert(backoff->last_ms <= INT32_MAX);
    for (uint32_t i = 0; i < attempt && delay < backoff->last_ms; i++)
        delay *= 2;
    delay = min_i64(delay, backoff->last_ms);

    int64_t half = delay / 2;
    return delay - half + half * (int64_t)random / (int64_t)UINT32_MAX;
}

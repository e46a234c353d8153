#include "pulse.h"

#include <stdatomic.h>

void pulse_beat(Pulse *pulse, int64_t now_ms)
{
    if (pulse != NULL)
        atomic_store(&pulse->beat_ms, now_ms);
}

const char *pulse_complaint(const Pulse *pulse, int64_t now_ms)
{
    int64_t beat_ms = atomic_load(&pulse->beat_ms);

    return beat_ms > 0 && now_ms - beat_ms > PULSE_STOPPED_MS ? pulse->complaint : NULL;
}

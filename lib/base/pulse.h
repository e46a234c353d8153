/* Whether a loop still turns: it says so at each turn, and who asks hears when it stopped. Pure:
 * the time is handed in. */
#ifndef PULSE_H
#define PULSE_H

#include "base.h"

/* A loop that has not turned for so long hangs: longer than any of ours may wait for an answer. */
enum { PULSE_STOPPED_MS = 15 * 60 * 1000 };

typedef struct Pulse {
    const char *complaint;   /* the sentence about a loop that stopped */
    _Atomic int64_t beat_ms; /* when it last turned; 0: it has not begun */
} Pulse;

/* For the loop, at each turn; from one thread. Takes NULL. */
void pulse_beat(Pulse *pulse, int64_t now_ms);

/* NULL, or the complaint about a loop that has begun and hangs. From any thread. */
const char *pulse_complaint(const Pulse *pulse, int64_t now_ms);

#endif

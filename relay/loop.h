/* The workers of a replica: a thread each, with its own connections to both sides. */
#ifndef LOOP_H
#define LOOP_H

#include "drain.h"

typedef struct Loops Loops;

/* Starts COUNT workers, or fewer where a stop comes meanwhile; ERROR_INVALID for settings that can
 * never work. They run until a stop is requested (stop.h). The waiter and the number of SETTINGS
 * are theirs to set. */
int loops_start(const DrainSettings *settings, size_t count, Loops **ret_loops, Error *reterr)
    MUST_CHECK;

/* Waits for their end. Takes NULL. */
void loops_join(Loops *self);

/* For the health server: NULL, or the sentence to show. */
const char *loops_alive(Loops *self);
const char *loops_ready(Loops *self);

#endif

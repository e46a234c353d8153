/* Numbers of a status, rounded down so that they change seldom: each change costs a write. The
 * exact ones are metrics. Pure. */
#ifndef QUANTISE_H
#define QUANTISE_H

#include "base.h"

/* A count with three significant digits. */
int64_t quantise_count(int64_t count);

/* An age in seconds with two: it ticks all the time. */
int64_t quantise_seconds(int64_t seconds);

#endif

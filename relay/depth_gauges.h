/* The gauges of the tenants' rows. One that was shown and has no rows any more goes back to zero.
 */
#ifndef DEPTH_GAUGES_H
#define DEPTH_GAUGES_H

#include "depths.h"

typedef struct DepthGauges DepthGauges;

DepthGauges *depth_gauges_new(void) __attribute__((__returns_nonnull__));
void depth_gauges_free(DepthGauges *self); /* takes NULL */

/* Shows DEPTHS, which are sorted, for a thousand tenants at most. */
void depth_gauges_set(DepthGauges *self, const Depths *depths);

#endif

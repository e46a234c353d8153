/* The statements that write down what became of a batch. */
#ifndef SETTLE_H
#define SETTLE_H

#include "flight.h"
#include "postgres.h"

typedef enum OnPublished { ON_PUBLISHED_MARK, ON_PUBLISHED_DELETE } OnPublished;

/* Adds them to PART; none for an empty settlement. PARAMS is scratch. */
int settle_add(Part *part, Params *params, const Settlement *settlement, OnPublished on_published,
               Error *reterr) MUST_CHECK;

#endif

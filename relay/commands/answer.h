/* What a command prints. */
#ifndef ANSWER_H
#define ANSWER_H

#include "error.h"

/* Standard output took all of it. */
int answer_flush(Error *reterr) MUST_CHECK;

/* "row" for one, "rows" for all other numbers. */
const char *answer_rows(int64_t count);

#endif

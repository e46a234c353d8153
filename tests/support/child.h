/* Code that writes to the standard streams or ends the process, run in a child of its own. */
#ifndef CHILD_H
#define CHILD_H

#include "text.h"

enum { CHILD_OUTPUT_MAX = 1 << 20 };

typedef struct Child {
    int status; /* exit code, or minus the number of the signal that ended it */
    Text out;   /* what it wrote to standard output */
    Text err;
} Child;

/* Runs FN, whose result is the exit code, and waits for its end. What comes back is borrowed until
 * the next call. */
const Child *child_run(int (*fn)(void *context), void *context);

#endif

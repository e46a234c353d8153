/* SIGTERM and SIGINT become one flag and one file descriptor. The second signal ends the
 * process at once. */
#ifndef STOP_H
#define STOP_H

#include "base.h"

/* Call first in main(), before any thread starts. SIGPIPE is ignored from here on. */
void stop_init(void);

bool stop_requested(void);

/* Readable from the moment a stop is requested; never read from it. For poll(). */
int stop_fd(void);

/* As if a signal had come; from any thread. */
void stop_request(void);

/* Sleeps; true if a stop was requested meanwhile or before. */
bool stop_wait_ms(int64_t ms);

#endif

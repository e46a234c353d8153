/* `bulkhead-relay replay`: published rows of a time are published again. */
#ifndef REPLAY_COMMAND_H
#define REPLAY_COMMAND_H

#include "session.h"

typedef struct ReplayOptions {
    const char *since;
    const char *until;
    const char *tenant; /* "": all */
    const char *output; /* text, json */
    bool dry_run;
} ReplayOptions;

/* Prints how many. ERROR_INVALID for wrong usage, and where rows are deleted as they are published;
 * ERROR_REFUSED where rows of that time are gone. */
int replay_command(const OutboxSettings *outbox, int64_t keep_ms, const ReplayOptions *options,
                   Error *reterr) MUST_CHECK;

#endif

/* `bulkhead-relay dead list | requeue | discard`: rows that were given up, for people. */
#ifndef DEAD_COMMAND_H
#define DEAD_COMMAND_H

#include "session.h"

typedef struct DeadOptions {
    const char *tenant;
    const char *reason;
    const char *output; /* text, json */
    int64_t limit;      /* 0: none    */
    bool payload;
    bool all;
    bool dry_run;
} DeadOptions;

/* The words behind a command: dead_ids. */
typedef struct DeadWords {
    const char *const *at;
    size_t count;
} DeadWords;

/* Prints the rows, oldest death first. ERROR_INVALID for wrong usage. */
int dead_list(const OutboxSettings *outbox, const DeadOptions *options, const DeadWords *words,
              Error *reterr) MUST_CHECK;

/* Put rows back, or throw them away, and print how many. An error also where a row that was named
 * is not there, or one could not be put back; its text says how many were done. */
int dead_requeue(const OutboxSettings *outbox, const DeadOptions *options, const DeadWords *words,
                 Error *reterr) MUST_CHECK;
int dead_discard(const OutboxSettings *outbox, const DeadOptions *options, const DeadWords *words,
                 Error *reterr) MUST_CHECK;

#endif

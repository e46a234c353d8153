/* What every program of ours does first and last: settings, log, signals, secrets kept in, and the
 * exit code. Its main() is one call. */
#ifndef PROCESS_H
#define PROCESS_H

#include "settings.h"

/* The rows that every daemon's option table ends with; FIELD(member) is the offset of `listen`,
 * `log_level` and `log_format`. */
#define PROCESS_OPTION_ROWS(FIELD)                                                                 \
    {"listen", OPTION_TEXT, FIELD(listen), ":8080",                                                \
     0,        0,           NULL,          "Address of /livez, /readyz and /metrics."},            \
        {"log-level",                                                                              \
         OPTION_TEXT,                                                                              \
         FIELD(log_level),                                                                         \
         "info",                                                                                   \
         0,                                                                                        \
         0,                                                                                        \
         "debug|info|warn|error",                                                                  \
         "Least level of the lines that are logged."},                                             \
    {                                                                                              \
        "log-format", OPTION_TEXT, FIELD(log_format), "json", 0, 0, "json|text",                   \
            "Form of the log lines."                                                               \
    }

enum { PROCESS_HOST_SIZE = 256, PROCESS_NAME_SIZE = 320 };

typedef struct Process {
    const Program *program;
    void *settings;               /* of the program's own struct; filled before `run` is called */
    size_t log_level_offset;      /* of its `const char *` fields of --log-level ... */
    size_t log_format_offset;     /* ... and --log-format                            */
    Invocation invocation;        /* what it was called for                          */
    char host[PROCESS_HOST_SIZE]; /* the pod's name                                 */
    char name[PROCESS_NAME_SIZE]; /* "bulkhead-relay <host> 1a2b3c4d": one of its kind */
} Process;

/* COMMAND is the word before the flags, "" without one. */
typedef int ProcessRun(Process *process, const char *command, Error *reterr);

/* Does all that, calls RUN, logs what it gave up on. The exit code: 0 done; 1 failed; 2 wrong
 * usage, or settings that can never work (ERROR_INVALID). */
int process_main(Process *process, int argc, char **argv, ProcessRun *run);

#endif

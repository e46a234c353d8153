/* A program's settings: defaults, then --config's file, then the environment, then flags. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "options.h"

typedef struct Command {
    const char *name; /* "" : the command that runs when none is named */
    const char *help;
} Command;

typedef struct Program {
    const char *name;    /* "bulkhead-relay"   */
    const char *summary; /* one line for --help */
    const Option *options;
    size_t option_count;
    const Command *commands; /* NULL: this program has none */
    size_t command_count;
} Program;

typedef enum SettingsResult {
    SETTINGS_RUN,
    SETTINGS_SHOWN, /* --help or --version was answered: exit 0 */
    SETTINGS_WRONG, /* the complaint was printed: exit 2        */
} SettingsResult;

/* Fills SETTINGS (a struct that the option table describes) for the life of the process.
 * *ret_command is the word before the flags, "" where there is none. Messages go to standard
 * error, help to standard output. */
SettingsResult settings_load(const Program *program, int argc, char **argv, void *settings,
                             const char **ret_command);

#endif

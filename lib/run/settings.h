/* A program's settings: defaults, then --config's file, then the environment, then flags. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "options.h"

typedef struct Command {
    const char *name; /* one word or more: "dead list"; "": the one that runs when none is named */
    const char *help;
    const char *words;     /* what may follow it beside flags, for people: "[ID ...]"; NULL: none */
    const Option *options; /* flags of this command alone, without variables and keys            */
    size_t option_count;
    bool by_hand; /* for people: what it complains of is a sentence, not a line of the log */
} Command;

typedef struct Program {
    const char *name;    /* "bulkhead-relay"   */
    const char *summary; /* one line for --help */
    const Option *options;
    size_t option_count;
    const Command *commands; /* NULL: this program has none */
    size_t command_count;
} Program;

/* What is to be done. */
typedef struct Invocation {
    const Command *command;   /* NULL: none was named, and none runs without a name */
    const char *const *words; /* behind it, beside the flags                        */
    size_t word_count;
} Invocation;

typedef enum SettingsResult {
    SETTINGS_RUN,
    SETTINGS_SHOWN, /* --help or --version was answered: exit 0 */
    SETTINGS_WRONG, /* the complaint was printed: exit 2        */
} SettingsResult;

/* Fills SETTINGS (a struct that the option tables describe), and *ret_invocation, for the life of
 * the process. Flags of other commands than the one that is named keep zero. Messages go to
 * standard error, help to standard output. */
SettingsResult settings_load(const Program *program, int argc, char **argv, void *settings,
                             Invocation *ret_invocation);

#endif

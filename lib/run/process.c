#include "process.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "stop.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, ARENAS_MAX = 2 };

static const char *setting(const Process *process, size_t offset)
{
    const char *text;

    memcpy(&text, (const char *)process->settings + offset, sizeof text);
    return text;
}

static void log_setup(const Process *process)
{
    LogLevel level = LOG_LEVEL_INFO;
    LogFormat format = LOG_FORMAT_JSON;

    (void)log_level_parse(setting(process, process->log_level_offset), &level);
    (void)log_format_parse(setting(process, process->log_format_offset), &format);
    log_init(process->program->name, level, format);
}

static void name_setup(Process *process)
{
    if (gethostname(process->host, sizeof process->host - 1) != 0)
        (void)snprintf(process->host, sizeof process->host, "unknown");
    (void)snprintf(process->name, sizeof process->name, "%s %s %08x", process->program->name,
                   process->host, random_u32());
}

static int run_program(Process *process, ProcessRun *run)
{
    const Command *command = process->invocation.command;
    Error error;

    if (run(process, command != NULL ? command->name : "", &error) == 0)
        return EXIT_SUCCESS;
    if (command != NULL && command->by_hand)
        (void)fprintf(stderr, "%s %s: %s\n", process->program->name, command->name, error.text);
    else
        log_error("cannot run", KV("error", error.text));
    return error.kind == ERROR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

int process_main(Process *process, int argc, char **argv, ProcessRun *run)
{
    (void)mallopt(M_ARENA_MAX, ARENAS_MAX); /* else each thread keeps a heap of its own */
    (void)prctl(PR_SET_DUMPABLE, 0);        /* secrets are in memory: no core dump, no ptrace */
    json_init();
    switch (settings_load(process->program, argc, argv, process->settings, &process->invocation)) {
    case SETTINGS_SHOWN:
        return EXIT_SUCCESS;
    case SETTINGS_WRONG:
        return EXIT_USAGE;
    case SETTINGS_RUN:
        break;
    }
    log_setup(process);
    stop_init();
    name_setup(process);
    return run_program(process, run);
}

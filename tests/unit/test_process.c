#include <sys/prctl.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "process.h"
#include "stop.h"
#include "unit.h"

typedef struct Values {
    const char *log_level;
    const char *log_format;
} Values;

static const Option options[] = {
    {"log-level", OPTION_TEXT, offsetof(Values, log_level), "info", 0, 0, "debug|info|warn|error",
     "Least level of the lines that are logged."},
    {"log-format", OPTION_TEXT, offsetof(Values, log_format), "json", 0, 0, "json|text",
     "Form of the log lines."},
};

static const Command commands[] = {{.name = "", .help = "goes on"},
                                   {.name = "once", .help = "goes once"}};

static const Program program = {
    .name = "test-program",
    .summary = "does what it is told",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .commands = commands,
    .command_count = ARRAY_SIZE(commands),
};

/* What the program is started with, and does. */
typedef struct Start {
    const char *words[3];
    ProcessRun *run;
} Start;

static int start(void *context)
{
    const Start *self = context;
    Values values = {0};
    Process process = {
        .program = &program,
        .settings = &values,
        .log_level_offset = offsetof(Values, log_level),
        .log_format_offset = offsetof(Values, log_format),
    };
    char *argv[ARRAY_SIZE(self->words) + 2] = {strdup("test")};
    int argc = 1;

    for (size_t i = 0; i < ARRAY_SIZE(self->words) && self->words[i] != NULL; i++)
        argv[argc++] = strdup(self->words[i]);
    int r = process_main(&process, argc, argv, self->run);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return r;
}

static const Child *started(Start self)
{
    return child_run(start, &self);
}

static int show(Process *process, const char *command, Error *reterr)
{
    char host[PROCESS_HOST_SIZE] = "";

    (void)reterr;
    (void)gethostname(host, sizeof host - 1);
    (void)printf("command=%s host=%d named=%d dumpable=%d stop=%d", command,
                 text_eq(process->host, host), text_starts(process->name, "test-program "),
                 prctl(PR_GET_DUMPABLE), stop_fd() >= 0);
    log_debug("in the background");
    return 0;
}

TEST(everything_is_set_up_before_the_program_runs)
{
    const Child *child = started((Start){.words = {"once"}, .run = show});

    assert_string_equal(text_get(&child->err), "");
    assert_string_equal(text_get(&child->out), "command=once host=1 named=1 dumpable=0 stop=1");
    assert_int_equal(child->status, 0);
}

TEST(the_log_is_as_the_settings_say)
{
    const Child *child =
        started((Start){.words = {"--log-level=debug", "--log-format=text"}, .run = show});

    assert_non_null(strstr(text_get(&child->err), "Z debug in the background\n"));
}

static int fail_for_now(Process *process, const char *command, Error *reterr)
{
    (void)process;
    (void)command;
    return error_set(reterr, ERROR_BUSY, "NATS is away");
}

static int fail_for_good(Process *process, const char *command, Error *reterr)
{
    (void)process;
    (void)command;
    return error_set(reterr, ERROR_INVALID, "--listen: '1' is not host:port");
}

TEST(a_failure_is_logged_once_and_is_exit_code_1)
{
    const Child *child = started((Start){.run = fail_for_now});

    assert_int_equal(child->status, 1);
    assert_non_null(strstr(text_get(&child->err),
                           "\"level\":\"error\",\"program\":\"test-program\","
                           "\"message\":\"cannot run\",\"error\":\"NATS is "
                           "away\"}\n"));
}

TEST(settings_that_can_never_work_are_exit_code_2)
{
    assert_int_equal(started((Start){.run = fail_for_good})->status, 2);
    assert_int_equal(started((Start){.words = {"--log-level=loud"}, .run = show})->status, 2);
    assert_int_equal(started((Start){.words = {"twice"}, .run = show})->status, 2);
}

TEST(help_and_version_run_nothing)
{
    const Child *child = started((Start){.words = {"--version"}, .run = fail_for_now});

    assert_int_equal(child->status, 0);
    assert_string_equal(text_get(&child->out), "test-program " BULKHEAD_VERSION "\n");
    assert_int_equal(started((Start){.words = {"--help"}, .run = fail_for_now})->status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_set_up_before_the_program_runs),
        cmocka_unit_test(the_log_is_as_the_settings_say),
        cmocka_unit_test(a_failure_is_logged_once_and_is_exit_code_1),
        cmocka_unit_test(settings_that_can_never_work_are_exit_code_2),
        cmocka_unit_test(help_and_version_run_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

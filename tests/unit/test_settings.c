#include <unistd.h>

#include "child.h"
#include "settings.h"
#include "unit.h"

enum { WORDS_MAX = 8 };

typedef struct Values {
    const char *table;
    const char *format;
    int64_t batch;
    bool quiet;
} Values;

#define FIELD(name) offsetof(Values, name)

static const Option options[] = {
    {"table", OPTION_TEXT, FIELD(table), "outbox", 0, 0, NULL, "Table that holds the events."},
    {"log-format", OPTION_TEXT, FIELD(format), "json", 0, 0, "json|text", "Form of the lines."},
    {"batch-size", OPTION_COUNT, FIELD(batch), "64", 1, 1000, NULL, "Rows read at once."},
    {"quiet", OPTION_FLAG, FIELD(quiet), "false", 0, 0, NULL, "Say less."},
};

static const Command commands[] = {
    {"", "drains the outbox"},
    {"migrate", "brings the schema up to date"},
};

static const Program relay = {
    .name = "test-relay",
    .summary = "carries rows",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .commands = commands,
    .command_count = ARRAY_SIZE(commands),
};

static const Program plain = {
    .name = "test-plain",
    .summary = "has no commands",
    .options = options,
    .option_count = ARRAY_SIZE(options),
};

/* What the process is started with. */
typedef struct Start {
    const Program *program; /* NULL: relay */
    const char *words[WORDS_MAX];
    const char *variable; /* name and value, or NULL */
    const char *value;
    const char *config; /* content of the file that --config names, or NULL */
    char path[64];
} Start;

/* Prints the settings; the exit code is the SettingsResult. */
static int load(void *context)
{
    Start *start = context;
    char *argv[WORDS_MAX + 3] = {NULL};
    const char *command = NULL;
    Values values = {0};
    int argc = 0;

    json_init();
    argv[argc++] = strdup("test");
    for (size_t i = 0; i < WORDS_MAX && start->words[i] != NULL; i++)
        argv[argc++] = strdup(start->words[i]);
    if (start->config != NULL) {
        argv[argc++] = strdup("--config");
        argv[argc++] = strdup(start->path);
    }
    if (start->variable != NULL)
        (void)setenv(start->variable, start->value, 1);
    SettingsResult result = settings_load(start->program != NULL ? start->program : &relay, argc,
                                          argv, &values, &command);
    if (result == SETTINGS_RUN)
        (void)printf("command=%s table=%s format=%s batch=%" PRId64 " quiet=%d", command,
                     values.table, values.format, values.batch, values.quiet);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return (int)result;
}

static const Child *started(Start start)
{
    int fd = -1;

    if (start.config != NULL) {
        (void)snprintf(start.path, sizeof start.path, "/tmp/test_settings.XXXXXX");
        fd = mkstemp(start.path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, start.config, strlen(start.config)), strlen(start.config));
        (void)close(fd);
    }
    const Child *child = child_run(load, &start);

    if (fd >= 0)
        (void)unlink(start.path);
    return child;
}

static void runs_with(Start start, const char *want)
{
    const Child *child = started(start);

    assert_string_equal(text_get(&child->err), "");
    assert_int_equal(child->status, SETTINGS_RUN);
    assert_string_equal(text_get(&child->out), want);
}

static void complains(Start start, const char *want)
{
    const Child *child = started(start);

    assert_int_equal(child->status, SETTINGS_WRONG);
    assert_string_equal(text_get(&child->out), "");
    assert_string_equal(text_get(&child->err), want);
}

static void complains_of_config(const char *config, const char *want)
{
    const Child *child = started((Start){.config = config});
    const char *complaint = strstr(text_get(&child->err), ": ");

    assert_int_equal(child->status, SETTINGS_WRONG);
    assert_true(text_starts(text_get(&child->err), "test-relay: /tmp/test_settings."));
    assert_non_null(complaint);
    complaint = strstr(complaint + 2, ": ");
    assert_non_null(complaint);
    assert_string_equal(complaint + 2, want);
}

TEST(without_words_the_defaults_count)
{
    runs_with((Start){0}, "command= table=outbox format=json batch=64 quiet=0");
}

TEST(flags_take_their_value_from_behind_the_equals_sign_or_from_the_next_word)
{
    runs_with((Start){.words = {"--table=rows", "--batch-size", "7", "--quiet"}},
              "command= table=rows format=json batch=7 quiet=1");
    runs_with((Start){.words = {"--quiet=false", "--table=a=b", "--batch-size=8"}},
              "command= table=a=b format=json batch=8 quiet=0");
    runs_with((Start){.words = {"--table="}}, "command= table= format=json batch=64 quiet=0");
}

TEST(the_last_of_two_flags_wins)
{
    runs_with((Start){.words = {"--batch-size=1", "--batch-size=2"}},
              "command= table=outbox format=json batch=2 quiet=0");
}

TEST(a_command_stands_before_the_flags)
{
    runs_with((Start){.words = {"migrate", "--table=rows"}},
              "command=migrate table=rows format=json batch=64 quiet=0");
}

TEST(a_file_wins_over_the_defaults)
{
    runs_with((Start){.config = "batchSize: 5\nlogFormat: text # as people like it\n"},
              "command= table=outbox format=text batch=5 quiet=0");
    runs_with((Start){.config = ""}, "command= table=outbox format=json batch=64 quiet=0");
}

TEST(a_variable_wins_over_the_file)
{
    runs_with((Start){.config = "batchSize: 5\ntable: filed\n",
                      .variable = "BULKHEAD_BATCH_SIZE",
                      .value = "6"},
              "command= table=filed format=json batch=6 quiet=0");
}

TEST(a_flag_wins_over_the_variable)
{
    runs_with((Start){.words = {"--batch-size=7"},
                      .config = "batchSize: 5\n",
                      .variable = "BULKHEAD_BATCH_SIZE",
                      .value = "6"},
              "command= table=outbox format=json batch=7 quiet=0");
}

TEST(wrong_words_are_told_in_one_line)
{
    static const struct {
        Start start;
        const char *want;
    } cases[] = {
        {{.words = {"--batchsize=1"}}, "test-relay: unknown flag '--batchsize'"},
        {{.words = {"--"}}, "test-relay: unknown flag '--'"},
        {{.words = {"--=1"}}, "test-relay: unknown flag '--=1'"},
        {{.words = {"-q"}}, "test-relay: unexpected word '-q'"},
        {{.words = {"--quiet", "false"}}, "test-relay: unexpected word 'false'"},
        {{.words = {"--table=a", "migrate"}}, "test-relay: unexpected word 'migrate'"},
        {{.words = {"--batch-size"}}, "test-relay: --batch-size: a value is missing"},
        {{.words = {"--config"}}, "test-relay: --config: a value is missing"},
        {{.words = {"--batch-size=0"}},
         "test-relay: --batch-size: '0' is not a whole number from 1 to 1000"},
        {{.words = {"--quiet=no"}}, "test-relay: --quiet: 'no' is neither true nor false"},
        {{.words = {"migrat"}}, "test-relay: unknown command 'migrat'"},
        {{.program = &plain, .words = {"migrate"}}, "test-plain: unknown command 'migrate'"},
        {{.variable = "BULKHEAD_LOG_FORMAT", .value = "xml"},
         "test-relay: BULKHEAD_LOG_FORMAT: --log-format: 'xml' is not one of json|text"},
        {{.words = {"--config=/nowhere/at/all"}},
         "test-relay: --config: /nowhere/at/all: cannot be read: No such file or directory"},
        {{.variable = "BULKHEAD_CONFIG", .value = "/nowhere/at/all"},
         "test-relay: --config: /nowhere/at/all: cannot be read: No such file or directory"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *name = cases[i].start.program == &plain ? "test-plain" : "test-relay";
        char want[512];

        (void)snprintf(want, sizeof want, "%s; see %s --help\n", cases[i].want, name);
        complains(cases[i].start, want);
    }
}

TEST(a_wrong_file_is_told_with_its_path)
{
    complains_of_config("batch: 5\n", "unknown key 'batch'; see test-relay --help\n");
    complains_of_config("batchSize: many\n", "--batch-size: 'many' is not a whole number from 1 "
                                             "to 1000; see test-relay --help\n");
    complains_of_config("table: 7\n",
                        "--table: want a text: put it in quotes; see test-relay --help\n");
    complains_of_config("- table\n",
                        "want a mapping of option names to values; see test-relay --help\n");
}

TEST(a_wrong_flag_is_told_before_a_file_is_read)
{
    complains((Start){.words = {"--nonsense"}, .config = "batch: 5\n"},
              "test-relay: unknown flag '--nonsense'; see test-relay --help\n");
}

TEST(help_shows_commands_flags_and_where_they_come_from)
{
    const Child *child = started((Start){.words = {"migrate", "--nonsense", "--help"}});

    assert_int_equal(child->status, SETTINGS_SHOWN);
    assert_string_equal(text_get(&child->err), "");
    assert_string_equal(text_get(&child->out),
                        "test-relay " BULKHEAD_VERSION ": carries rows\n\n"
                        "Usage: test-relay [COMMAND] [--flag=value ...]\n\nCommands:\n"
                        "  (none)           drains the outbox\n"
                        "  migrate          brings the schema up to date\n\n"
                        "Flags; a flag wins over its variable, and that over --config's file:\n"
                        "  --config PATH\n      A YAML file of settings. Also BULKHEAD_CONFIG.\n"
                        "  --table TEXT\n      Table that holds the events.\n"
                        "      Default outbox. Also BULKHEAD_TABLE.\n"
                        "  --log-format json|text\n      Form of the lines.\n"
                        "      Default json. Also BULKHEAD_LOG_FORMAT.\n"
                        "  --batch-size N\n      Rows read at once.\n"
                        "      Default 64. Also BULKHEAD_BATCH_SIZE.\n"
                        "  --quiet\n      Say less.\n      Default false. Also BULKHEAD_QUIET.\n"
                        "  --help, --version\n");
}

TEST(a_program_without_commands_shows_none)
{
    const Child *child = started((Start){.program = &plain, .words = {"--help"}});

    assert_true(text_starts(text_get(&child->out),
                            "test-plain " BULKHEAD_VERSION ": has no commands\n\nUsage: test-plain "
                            "[--flag=value ...]\n\nFlags;"));
}

TEST(version_shows_name_and_version)
{
    const Child *child = started((Start){.words = {"--version"}});

    assert_int_equal(child->status, SETTINGS_SHOWN);
    assert_string_equal(text_get(&child->out), "test-relay " BULKHEAD_VERSION "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_words_the_defaults_count),
        cmocka_unit_test(flags_take_their_value_from_behind_the_equals_sign_or_from_the_next_word),
        cmocka_unit_test(the_last_of_two_flags_wins),
        cmocka_unit_test(a_command_stands_before_the_flags),
        cmocka_unit_test(a_file_wins_over_the_defaults),
        cmocka_unit_test(a_variable_wins_over_the_file),
        cmocka_unit_test(a_flag_wins_over_the_variable),
        cmocka_unit_test(wrong_words_are_told_in_one_line),
        cmocka_unit_test(a_wrong_file_is_told_with_its_path),
        cmocka_unit_test(a_wrong_flag_is_told_before_a_file_is_read),
        cmocka_unit_test(help_shows_commands_flags_and_where_they_come_from),
        cmocka_unit_test(a_program_without_commands_shows_none),
        cmocka_unit_test(version_shows_name_and_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

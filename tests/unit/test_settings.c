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
    const char *only;
    int64_t most;
} Values;

#define FIELD(name) offsetof(Values, name)

static const Option options[] = {
    {"table", OPTION_TEXT, FIELD(table), "outbox", 0, 0, NULL, "Table that holds the events."},
    {"log-format", OPTION_TEXT, FIELD(format), "json", 0, 0, "json|text", "Form of the lines."},
    {"batch-size", OPTION_COUNT, FIELD(batch), "64", 1, 1000, NULL, "Rows read at once."},
    {"quiet", OPTION_FLAG, FIELD(quiet), "false", 0, 0, NULL, "Say less."},
};

static const Option list_flags[] = {
    {"only", OPTION_TEXT, FIELD(only), "", 0, 0, NULL, "Those alone."},
    {"most", OPTION_COUNT, FIELD(most), "10", 1, 99, NULL, "How many."},
    {"mirror", OPTION_FLAG, FIELD(quiet), "true", 0, 0, NULL, "The other way round."},
};

static const Command commands[] = {
    {.name = "", .help = "drains the outbox"},
    {.name = "migrate", .help = "brings the schema up to date"},
    {
        .name = "dead list",
        .help = "lists",
        .words = "[ID ...]",
        .options = list_flags,
        .option_count = ARRAY_SIZE(list_flags),
    },
    {.name = "dead end", .help = "ends"},
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
    Invocation invocation;
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
                                          argv, &values, &invocation);
    if (result == SETTINGS_RUN)
        (void)printf("command=%s table=%s format=%s batch=%" PRId64 " quiet=%d",
                     invocation.command != NULL ? invocation.command->name : "", values.table,
                     values.format, values.batch, values.quiet);
    if (result == SETTINGS_RUN && values.only != NULL)
        (void)printf(" only=%s most=%" PRId64, values.only, values.most);
    for (size_t i = 0; i < invocation.word_count; i++)
        (void)printf(" [%s]", invocation.words[i]);
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

TEST(a_command_of_two_words_has_flags_and_words_of_its_own)
{
    runs_with((Start){.words = {"dead", "list"}},
              "command=dead list table=outbox format=json batch=64 quiet=1 only= most=10");
    runs_with((Start){.words = {"dead", "list", "7", "--only=x", "--table", "rows", "8"}},
              "command=dead list table=rows format=json batch=64 quiet=1 only=x most=10 [7] [8]");
    runs_with((Start){.words = {"dead", "end"}},
              "command=dead end table=outbox format=json batch=64 quiet=0");
}

TEST(a_flag_of_a_command_may_be_given_by_a_letter_that_no_other_has)
{
    runs_with((Start){.words = {"dead", "list", "-o", "x", "1"}},
              "command=dead list table=outbox format=json batch=64 quiet=1 only=x most=10 [1]");
    runs_with((Start){.words = {"dead", "list", "-o=-y"}},
              "command=dead list table=outbox format=json batch=64 quiet=1 only=-y most=10");
}

TEST(flags_of_a_command_have_no_variable_and_no_key)
{
    runs_with((Start){.words = {"dead", "list"}, .variable = "BULKHEAD_ONLY", .value = "x"},
              "command=dead list table=outbox format=json batch=64 quiet=1 only= most=10");
    complains_of_config("only: x\n", "unknown key 'only'; see test-relay --help\n");
}

TEST(the_help_of_a_command_shows_its_flags_first)
{
    const Child *child = started((Start){.words = {"dead", "list", "--help"}});

    assert_int_equal(child->status, SETTINGS_SHOWN);
    assert_true(text_starts(text_get(&child->out),
                            "test-relay " BULKHEAD_VERSION ": lists\n\n"
                            "Usage: test-relay dead list [ID ...] [--flag=value ...]\n\n"
                            "Flags of this command:\n"
                            "  -o, --only TEXT\n      Those alone.\n"
                            "  --most N\n      How many.\n      Default 10.\n"
                            "  --mirror\n      The other way round.\n\nFlags;"));
}

TEST(wrong_words_of_a_command_are_told_with_its_help)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *want;
    } cases[] = {
        {{"dead"},
         "'dead' alone is no command; there are 'dead list', 'dead end'; see test-relay --help\n"},
        {{"dea"}, "unknown command 'dea'; see test-relay --help\n"},
        {{"dead", "lis"},
         "'dead' alone is no command; there are 'dead list', 'dead end'; see test-relay --help\n"},
        {{"--only=x"}, "unknown flag '--only'; see test-relay --help\n"},
        {{"dead", "end", "--only=x"}, "unknown flag '--only'; see test-relay dead end --help\n"},
        {{"dead", "end", "7"}, "unexpected word '7'; see test-relay dead end --help\n"},
        {{"dead", "list", "-m", "1"}, "unexpected word '-m'; see test-relay dead list --help\n"},
        {{"dead", "list", "-o"}, "--only: a value is missing; see test-relay dead list --help\n"},
        {{"dead", "list", "--most=0"},
         "--most: '0' is not a whole number from 1 to 99; see test-relay dead list --help\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Start start = {0};
        char want[512];

        memcpy(start.words, cases[i].words, sizeof start.words);
        (void)snprintf(want, sizeof want, "test-relay: %s", cases[i].want);
        complains(start, want);
    }
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
    const Child *child = started((Start){.words = {"--nonsense", "--help"}});

    assert_int_equal(child->status, SETTINGS_SHOWN);
    assert_string_equal(text_get(&child->err), "");
    assert_string_equal(text_get(&child->out),
                        "test-relay " BULKHEAD_VERSION ": carries rows\n\n"
                        "Usage: test-relay [COMMAND] [--flag=value ...]\n\nCommands:\n"
                        "  (none)           drains the outbox\n"
                        "  migrate          brings the schema up to date\n"
                        "  dead list        lists\n"
                        "  dead end         ends\n\n"
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
        cmocka_unit_test(a_command_of_two_words_has_flags_and_words_of_its_own),
        cmocka_unit_test(a_flag_of_a_command_may_be_given_by_a_letter_that_no_other_has),
        cmocka_unit_test(flags_of_a_command_have_no_variable_and_no_key),
        cmocka_unit_test(the_help_of_a_command_shows_its_flags_first),
        cmocka_unit_test(wrong_words_of_a_command_are_told_with_its_help),
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

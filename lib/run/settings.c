#include "settings.h"

#include "alloc.h"
#include "secret_file.h"
#include "yaml.h"

enum { HELP_BYTES_MAX = 64 * 1024 };

static const char *name_of(const Command *command)
{
    return command != NULL ? command->name : "";
}

static void add_commands(const Program *program, Text *text)
{
    if (program->command_count == 0)
        return;
    text_add(text, "\nCommands:\n");
    for (size_t i = 0; i < program->command_count; i++)
        text_addf(text, "  %-16s %s\n",
                  program->commands[i].name[0] != '\0' ? program->commands[i].name : "(none)",
                  program->commands[i].help);
}

static void add_usage(const Program *program, const Command *command, Text *text)
{
    bool named = name_of(command)[0] != '\0';

    text_addf(text, "%s %s: %s\n\nUsage: %s ", program->name, BULKHEAD_VERSION,
              named ? command->help : program->summary, program->name);
    if (named)
        text_addf(text, "%s %s%s", command->name, command->words != NULL ? command->words : "",
                  command->words != NULL ? " " : "");
    else if (program->command_count > 0)
        text_add(text, "[COMMAND] ");
    text_add(text, "[--flag=value ...]\n");
    if (named && command->option_count > 0) {
        text_add(text, "\nFlags of this command:\n");
        flags_help(command->options, command->option_count, text);
    }
    if (!named)
        add_commands(program, text);
}

static void help_print(const Program *program, const Command *command)
{
    DEFER(text_done) Text text = TEXT_MAX(HELP_BYTES_MAX);

    add_usage(program, command, &text);
    text_add(&text, "\nFlags; a flag wins over its variable, and that over --config's file:\n");
    text_add(&text, "  --config PATH\n      A YAML file of settings. Also BULKHEAD_CONFIG.\n");
    options_help(program->options, program->option_count, &text);
    text_add(&text, "  --help, --version\n");
    (void)fputs(text_get(&text), stdout);
}

static int config_read(const Program *program, const char *path, void *settings, Error *reterr)
{
    /* Never freed: the settings borrow its texts for the life of the process. */
    static cJSON *config;
    Secret bytes = {0};

    if (secret_read(path, &bytes, reterr) < 0)
        return error_wrap(reterr, "--config");
    int r = yaml_parse_one(bytes.at, bytes.length, &config, reterr);
    secret_done(&bytes);
    if (r == 0)
        r = options_set_config(program->options, program->option_count, settings, config, reterr);
    return r < 0 ? error_wrap(reterr, "%s", path) : 0;
}

static const char *variable_read(const char *name)
{
    return getenv(name);
}

/* Who is asked about words: a program, and the command that was named. */
typedef struct Asked {
    const Program *program;
    const Command *command; /* may be NULL */
} Asked;

/* The flag at argv[*at]: its name, and its value, from behind '=' or from the next word. */
typedef struct Flag {
    char name[64];
    const Option *option; /* NULL: --config */
    const char *value;
} Flag;

static const Option *find_option(const Asked *asked, const char *name)
{
    const Command *command = asked->command;
    const Option *own =
        command != NULL ? option_find(command->options, command->option_count, name) : NULL;

    return own != NULL ? own
                       : option_find(asked->program->options, asked->program->option_count, name);
}

/* "-o": the flag of the command that begins with it, if it is the only one. */
static const Option *find_short(const Asked *asked, const char *word, size_t length)
{
    const Command *command = asked->command;

    return command != NULL && length == 1
               ? flag_of_letter(command->options, command->option_count, word[0])
               : NULL;
}

static int flag_name(const Asked *asked, const char *word, Flag *ret_flag, Error *reterr)
{
    bool is_long = text_starts(word, "--");
    const char *name = word + (is_long ? 2 : 1);
    size_t length = strcspn(name, "=");

    *ret_flag = (Flag){.value = name[length] == '=' ? name + length + 1 : NULL};
    if (length == 0 || length >= sizeof ret_flag->name)
        return error_set(reterr, ERROR_INVALID, "unknown flag '%.100s'", word);
    memcpy(ret_flag->name, name, length);
    ret_flag->option =
        is_long ? find_option(asked, ret_flag->name) : find_short(asked, name, length);
    if (ret_flag->option == NULL && !(is_long && text_eq(ret_flag->name, "config")))
        return error_set(reterr, ERROR_INVALID,
                         is_long ? "unknown flag '--%s'" : "unexpected word '-%s'", ret_flag->name);
    return 0;
}

static int flag_read(const Asked *asked, char **argv, int *at, Flag *ret_flag, Error *reterr)
{
    if (flag_name(asked, argv[*at], ret_flag, reterr) < 0)
        return -1;
    if (ret_flag->value == NULL && ret_flag->option != NULL &&
        ret_flag->option->type == OPTION_FLAG)
        ret_flag->value = "true";
    if (ret_flag->value == NULL)
        ret_flag->value = argv[++*at];
    if (ret_flag->value == NULL)
        return error_set(reterr, ERROR_INVALID, "--%s: a value is missing",
                         ret_flag->option != NULL ? ret_flag->option->name : ret_flag->name);
    return 0;
}

/* What is found on the way. */
typedef struct Found {
    const char *config;
    const char **words; /* room for all */
    size_t word_count;
} Found;

static int word_take(const Asked *asked, const char *word, Found *found, Error *reterr)
{
    if (asked->command == NULL || asked->command->words == NULL)
        return error_set(reterr, ERROR_INVALID, "unexpected word '%.100s'", word);
    found->words[found->word_count++] = word;
    return 0;
}

/* Walks over the words; with SETTINGS NULL it only checks them and looks for --config. */
static int words_walk(const Asked *asked, char **argv, void *settings, Found *found, Error *reterr)
{
    found->word_count = 0;
    for (int at = 0; argv[at] != NULL; at++) {
        Flag flag;

        if (argv[at][0] != '-' || argv[at][1] == '\0') {
            if (word_take(asked, argv[at], found, reterr) < 0)
                return -1;
            continue;
        }
        if (flag_read(asked, argv, &at, &flag, reterr) < 0)
            return -1;
        if (flag.option == NULL)
            found->config = flag.value;
        else if (settings != NULL && option_set(flag.option, settings, flag.value, reterr) < 0)
            return -1;
    }
    return 0;
}

static int sources_read(const Asked *asked, char **argv, void *settings, Found *found,
                        Error *reterr)
{
    const Program *program = asked->program;
    const Command *command = asked->command;

    found->config = getenv("BULKHEAD_CONFIG");
    if (words_walk(asked, argv, NULL, found, reterr) < 0)
        return -1;
    options_set_defaults(program->options, program->option_count, settings);
    if (command != NULL)
        options_set_defaults(command->options, command->option_count, settings);
    if (found->config != NULL && config_read(program, found->config, settings, reterr) < 0)
        return -1;
    if (options_set_environment(program->options, program->option_count, settings, variable_read,
                                reterr) < 0)
        return -1;
    return words_walk(asked, argv, settings, found, reterr);
}

static bool asked_for(char **argv, const char *flag)
{
    for (int i = 1; argv[i] != NULL; i++) {
        if (text_eq(argv[i], flag))
            return true;
    }
    return false;
}

/* How many of ARGV the words of NAME are, 0 where they differ. */
static int words_matched(const char *name, char **argv)
{
    int at = 0;

    while (*name != '\0') {
        size_t length = strcspn(name, " ");

        if (argv[at] == NULL || strlen(argv[at]) != length || strncmp(argv[at], name, length) != 0)
            return 0;
        at++;
        name += length + (name[length] == ' ' ? 1 : 0);
    }
    return at;
}

static int unknown_command(const Program *program, const char *word, Error *reterr)
{
    DEFER(text_done) Text rest = TEXT_MAX(HELP_BYTES_MAX);

    for (size_t i = 0; i < program->command_count; i++) {
        const char *name = program->commands[i].name;

        if (text_starts(name, word) && name[strlen(word)] == ' ')
            text_addf(&rest, "%s'%s'", rest.length > 0 ? ", " : "", name);
    }
    if (rest.length > 0)
        return error_set(reterr, ERROR_INVALID, "'%s' alone is no command; there are %s", word,
                         text_get(&rest));
    return error_set(reterr, ERROR_INVALID, "unknown command '%.100s'", word);
}

/* *ret_first: where the flags begin. */
static int command_find(const Program *program, char **argv, const Command **ret_command,
                        int *ret_first, Error *reterr)
{
    bool named = argv[1] != NULL && argv[1][0] != '-';

    *ret_command = NULL;
    *ret_first = 1;
    for (size_t i = 0; i < program->command_count; i++) {
        const Command *command = &program->commands[i];
        int words = words_matched(command->name, argv + 1);

        if (command->name[0] == '\0' ? !named : words > 0) {
            *ret_command = command;
            *ret_first = 1 + words;
            return 0;
        }
    }
    return named ? unknown_command(program, argv[1], reterr) : 0;
}

/* For ARGC words, as long as the process lives. */
static const char **words_room(int argc)
{
    static const char **words;

    words = xrealloc(words, ((size_t)argc + 1) * sizeof *words);
    return words;
}

SettingsResult settings_load(const Program *program, int argc, char **argv, void *settings,
                             Invocation *ret_invocation)
{
    Asked asked = {.program = program};
    Found found = {.words = words_room(argc)};
    Error error;
    int first = 1;

    *ret_invocation = (Invocation){0};
    if (asked_for(argv, "--version")) {
        (void)printf("%s %s\n", program->name, BULKHEAD_VERSION);
        return SETTINGS_SHOWN;
    }
    int r = command_find(program, argv, &asked.command, &first, &error);
    if (asked_for(argv, "--help")) {
        help_print(program, asked.command);
        return SETTINGS_SHOWN;
    }
    if (r == 0)
        r = sources_read(&asked, argv + first, settings, &found, &error);
    *ret_invocation = (Invocation){asked.command, found.words, found.word_count};
    if (r == 0)
        return SETTINGS_RUN;
    const char *name = name_of(asked.command);
    (void)fprintf(stderr, "%s: %s; see %s %s%s--help\n", program->name, error.text, program->name,
                  name, name[0] != '\0' ? " " : "");
    return SETTINGS_WRONG;
}

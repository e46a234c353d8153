#include "settings.h"

#include "alloc.h"
#include "secret_file.h"
#include "yaml.h"

enum { HELP_BYTES_MAX = 64 * 1024 };

static void help_print(const Program *program)
{
    DEFER(text_done) Text text = TEXT_MAX(HELP_BYTES_MAX);

    text_addf(&text, "%s %s: %s\n\nUsage: %s %s[--flag=value ...]\n", program->name,
              BULKHEAD_VERSION, program->summary, program->name,
              program->command_count > 0 ? "[COMMAND] " : "");
    if (program->command_count > 0)
        text_add(&text, "\nCommands:\n");
    for (size_t i = 0; i < program->command_count; i++)
        text_addf(&text, "  %-16s %s\n",
                  program->commands[i].name[0] != '\0' ? program->commands[i].name : "(none)",
                  program->commands[i].help);
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

/* The flag at words[*at]: its name, and its value, from behind '=' or from the next word. */
typedef struct Flag {
    char name[64];
    const char *value;
} Flag;

static int flag_read(const Program *program, char **argv, int *at, Flag *ret_flag, Error *reterr)
{
    const char *word = argv[*at] + strlen("--");
    const char *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);

    if (length == 0 || length >= sizeof ret_flag->name)
        return error_set(reterr, ERROR_INVALID, "unknown flag '%.100s'", argv[*at]);
    memcpy(ret_flag->name, word, length);
    ret_flag->name[length] = '\0';
    ret_flag->value = equals != NULL ? equals + 1 : NULL;

    const Option *option = option_find(program->options, program->option_count, ret_flag->name);
    if (option == NULL && !text_eq(ret_flag->name, "config"))
        return error_set(reterr, ERROR_INVALID, "unknown flag '--%s'", ret_flag->name);
    if (ret_flag->value == NULL && option != NULL && option->type == OPTION_FLAG)
        ret_flag->value = "true";
    if (ret_flag->value == NULL)
        ret_flag->value = argv[++*at];
    if (ret_flag->value == NULL)
        return error_set(reterr, ERROR_INVALID, "--%s: a value is missing", ret_flag->name);
    return 0;
}

/* Walks over the flags; with SETTINGS NULL it only checks them and looks for --config. */
static int flags_walk(const Program *program, char **argv, void *settings, const char **config,
                      Error *reterr)
{
    for (int at = 0; argv[at] != NULL; at++) {
        Flag flag;

        if (!text_starts(argv[at], "--"))
            return error_set(reterr, ERROR_INVALID, "unexpected word '%.100s'", argv[at]);
        if (flag_read(program, argv, &at, &flag, reterr) < 0)
            return -1;
        if (text_eq(flag.name, "config"))
            *config = flag.value;
        else if (settings != NULL &&
                 option_set(option_find(program->options, program->option_count, flag.name),
                            settings, flag.value, reterr) < 0)
            return -1;
    }
    return 0;
}

static int sources_read(const Program *program, char **argv, void *settings, Error *reterr)
{
    const char *config = getenv("BULKHEAD_CONFIG");

    if (flags_walk(program, argv, NULL, &config, reterr) < 0)
        return -1;
    options_set_defaults(program->options, program->option_count, settings);
    if (config != NULL && config_read(program, config, settings, reterr) < 0)
        return -1;
    if (options_set_environment(program->options, program->option_count, settings, variable_read,
                                reterr) < 0)
        return -1;
    return flags_walk(program, argv, settings, &config, reterr);
}

static bool asked_for(char **argv, const char *flag)
{
    for (int i = 1; argv[i] != NULL; i++) {
        if (text_eq(argv[i], flag))
            return true;
    }
    return false;
}

static int command_find(const Program *program, const char *word, const char **ret_command,
                        Error *reterr)
{
    for (size_t i = 0; i < program->command_count; i++) {
        if (text_eq(word, program->commands[i].name)) {
            *ret_command = program->commands[i].name;
            return 0;
        }
    }
    return error_set(reterr, ERROR_INVALID, "unknown command '%.100s'", word);
}

SettingsResult settings_load(const Program *program, int argc, char **argv, void *settings,
                             const char **ret_command)
{
    Error error;
    int first = 1;
    int r = 0;

    *ret_command = "";
    if (asked_for(argv, "--help")) {
        help_print(program);
        return SETTINGS_SHOWN;
    }
    if (asked_for(argv, "--version")) {
        (void)printf("%s %s\n", program->name, BULKHEAD_VERSION);
        return SETTINGS_SHOWN;
    }
    if (argc > 1 && argv[1][0] != '-') {
        r = command_find(program, argv[1], ret_command, &error);
        first = 2;
    }
    if (r == 0)
        r = sources_read(program, argv + first, settings, &error);
    if (r == 0)
        return SETTINGS_RUN;
    (void)fprintf(stderr, "%s: %s; see %s --help\n", program->name, error.text, program->name);
    return SETTINGS_WRONG;
}

/* docs/options.md and docs/metrics.md say what the tables in the code say. With BULKHEAD_WRITE_DOCS
 * set, as `make docs` does, they are written. Runs in the root of the tree. */
#include "audit.h"
#include "child.h"
#include "controller_settings.h"
#include "dispatcher.h"
#include "fleet_watch.h"
#include "kube_client.h"
#include "kube_recorder.h"
#include "leader.h"
#include "otlp.h"
#include "provisioner_settings.h"
#include "relay_metrics.h"
#include "relay_options.h"
#include "tenant_metrics.h"
#include "unit.h"
#include "worker.h"

enum { PAGE_MAX = 1 << 18, NAMES_MAX = 16 };

static void register_controller(void)
{
    kube_client_register_metrics();
    kube_recorder_register_metrics();
    dispatcher_register_metrics();
    leader_register_metrics();
    fleet_watch_register_metrics();
    tenant_metrics_register("full");
    workers_register_metrics(1);
}

static void register_provisioner(void)
{
    kube_client_register_metrics();
    audit_register_metrics();
    otlp_register_metrics();
}

typedef struct Binary {
    const Program *program;
    const char *main; /* its source, which registers the metrics */
    const char *registers[NAMES_MAX];
    void (*register_metrics)(void); /* does what that source does */
    size_t settings_size;
} Binary;

static const Binary binaries[] = {
    {
        .program = &controller_program,
        .main = "controller/main.c",
        .registers = {"kube_client_register_metrics", "kube_recorder_register_metrics",
                      "dispatcher_register_metrics", "leader_register_metrics",
                      "fleet_watch_register_metrics", "tenant_metrics_register",
                      "workers_register_metrics"},
        .register_metrics = register_controller,
        .settings_size = sizeof(ControllerSettings),
    },
    {
        .program = &relay_program,
        .main = "relay/main.c",
        .registers = {"relay_metrics_register"},
        .register_metrics = relay_metrics_register,
        .settings_size = sizeof(RelayOptions),
    },
    {
        .program = &provisioner_program,
        .main = "provisioner/main.c",
        .registers = {"kube_client_register_metrics", "audit_register_metrics",
                      "otlp_register_metrics"},
        .register_metrics = register_provisioner,
        .settings_size = sizeof(ProvisionerSettings),
    },
};

static void command_add(const Program *program, const Command *command, Text *page)
{
    if (command->option_count == 0)
        return;
    text_addf(page, "\n### %s %s%s%s\n\n", program->name, command->name,
              command->words != NULL ? " " : "", command->words != NULL ? command->words : "");
    text_add(page, "Flags of this command alone, without variables and keys.\n\n");
    flags_markdown(command->options, command->option_count, page);
}

static void options_add(const Binary *binary, Text *page)
{
    const Program *program = binary->program;

    text_addf(page, "\n## %s\n\n", program->name);
    if (program->command_count > 0)
        text_add(page, "| command | what it does |\n|---|---|\n");
    for (size_t i = 0; i < program->command_count; i++)
        text_addf(page, "| `%s%s%s` | %s |\n", program->name,
                  program->commands[i].name[0] != '\0' ? " " : "", program->commands[i].name,
                  program->commands[i].help);
    if (program->command_count > 0)
        text_add(page, "\n");
    options_markdown(program->options, program->option_count, page);
    for (size_t i = 0; i < program->command_count; i++)
        command_add(program, &program->commands[i], page);
}

static void options_page(Text *page)
{
    text_add(page, "# Options\n\n"
                   "Each option is a flag, a variable of the environment and a key of the YAML "
                   "file that `--config` or `BULKHEAD_CONFIG` names;\na flag wins over its "
                   "variable, and that over the file. `make docs` makes this page from the "
                   "tables in the code.\n");
    for (size_t i = 0; i < ARRAY_SIZE(binaries); i++)
        options_add(&binaries[i], page);
}

static void metric_add_row(const Metric *metric, Text *page)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

    text_addf(page, "| `%s` | %s | ", metric->name, types[metric->type]);
    for (size_t i = 0; metric->labels[i] != NULL; i++)
        text_addf(page, "%s`%s`", i > 0 ? ", " : "", metric->labels[i]);
    text_addf(page, "%s | %s |\n", metric->labels[0] == NULL ? "none" : "", metric->help);
}

/* Prints the rows of a binary's metrics, from a process of its own: two may have the same name. */
static int metrics_print(void *context)
{
    const Binary *binary = context;
    Text rows = TEXT_MAX(PAGE_MAX);

    binary->register_metrics();
    for (const Metric *metric = metrics_first(); metric != NULL; metric = metric->next)
        metric_add_row(metric, &rows);
    (void)fputs(text_get(&rows), stdout);
    text_done(&rows);
    return 0;
}

static void metrics_page(Text *page)
{
    text_add(page, "# Metrics\n\n"
                   "`/metrics` of each binary's `--listen` serves these in Prometheus' text "
                   "format. `make docs` makes this page from the\ntables in the code.\n");
    for (size_t i = 0; i < ARRAY_SIZE(binaries); i++) {
        Binary binary = binaries[i];
        const Child *child = child_run(metrics_print, &binary);

        assert_int_equal(child->status, 0);
        text_addf(page, "\n## %s\n\n| name | type | labels | what it says |\n|---|---|---|---|\n",
                  binary.program->name);
        text_add(page, text_get(&child->out));
    }
}

static void file_read(const char *path, Text *text)
{
    FILE *file = fopen(path, "re");
    char bytes[4096];
    size_t length;

    if (file == NULL)
        fail_msg("%s cannot be read: run this in the root of the tree", path);
    while ((length = fread(bytes, 1, sizeof bytes, file)) > 0)
        text_add_bytes(text, bytes, length);
    (void)fclose(file);
}

static void file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void page_is(const char *path, void (*render)(Text *page))
{
    DEFER(text_done) Text page = TEXT_MAX(PAGE_MAX);
    DEFER(text_done) Text file = TEXT_MAX(PAGE_MAX);

    render(&page);
    assert_false(page.full);
    if (getenv("BULKHEAD_WRITE_DOCS") != NULL)
        file_write(path, text_get(&page));
    file_read(path, &file);
    if (!text_eq(text_get(&file), text_get(&page)))
        fail_msg("%s is not what the code says: run `make docs`", path);
}

TEST(the_manual_has_every_option)
{
    page_is("docs/options.md", options_page);
}

TEST(the_manual_has_every_metric)
{
    page_is("docs/metrics.md", metrics_page);
}

static size_t occurrences(const char *text, const char *word)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

TEST(this_test_registers_what_each_binary_registers)
{
    for (size_t i = 0; i < ARRAY_SIZE(binaries); i++) {
        DEFER(text_done) Text source = TEXT_MAX(PAGE_MAX);
        size_t count = 0;

        file_read(binaries[i].main, &source);
        for (; binaries[i].registers[count] != NULL; count++)
            assert_int_equal(occurrences(text_get(&source), binaries[i].registers[count]), 1);
        assert_int_equal(occurrences(text_get(&source), "register_metrics(") +
                             occurrences(text_get(&source), "metrics_register("),
                         count);
    }
}

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && text_eq(text + strlen(text) - strlen(end), end);
}

static bool is_word(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(text);
}

/* Prometheus' rules, and a sentence for people. What is wrong, or NULL. */
static const char *complaint(const Metric *metric)
{
    if (!is_word(metric->name))
        return "want a-z, 0-9 and _";
    if (ends_with(metric->name, "_total") != (metric->type == METRIC_COUNTER))
        return "a counter, and nothing else, ends with _total";
    if (!ends_with(metric->help, ".") || strpbrk(metric->help, "\n|") != NULL)
        return "want a sentence of one line without |";
    for (size_t i = 0; metric->labels[i] != NULL; i++) {
        if (!is_word(metric->labels[i]) || text_eq(metric->labels[i], "le"))
            return metric->labels[i];
    }
    return NULL;
}

static int metrics_check(void *context)
{
    const Binary *binary = context;

    binary->register_metrics();
    for (const Metric *metric = metrics_first(); metric != NULL; metric = metric->next) {
        if (complaint(metric) != NULL)
            (void)printf("%s: %s\n", metric->name, complaint(metric));
    }
    return 0;
}

TEST(metrics_are_named_as_prometheus_wants_them)
{
    for (size_t i = 0; i < ARRAY_SIZE(binaries); i++) {
        Binary binary = binaries[i];
        const Child *child = child_run(metrics_check, &binary);

        assert_string_equal(text_get(&child->out), "");
        assert_int_equal(child->status, 0);
    }
}

static void fallback_check(const Option *option, size_t settings_size)
{
    void *settings = test_calloc(1, settings_size);
    Error error = {0};

    assert_true(option->offset < settings_size);
    assert_true(option->fallback != NULL || option->type == OPTION_TEXT);
    if (option->fallback != NULL && option_set(option, settings, option->fallback, &error) < 0)
        fail_msg("%s", error.text);
    test_free(settings);
}

/* Calls CHECK for each table of options: the program's own and that of each of its commands. */
static void each_table(void (*check)(const Option *options, size_t count, size_t settings_size))
{
    for (size_t i = 0; i < ARRAY_SIZE(binaries); i++) {
        const Program *program = binaries[i].program;

        check(program->options, program->option_count, binaries[i].settings_size);
        for (size_t j = 0; j < program->command_count; j++)
            check(program->commands[j].options, program->commands[j].option_count,
                  binaries[i].settings_size);
    }
}

static void fallbacks_check(const Option *options, size_t count, size_t settings_size)
{
    for (size_t i = 0; i < count; i++)
        fallback_check(&options[i], settings_size);
}

TEST(every_fallback_is_a_value_of_its_option)
{
    each_table(fallbacks_check);
}

static void names_check(const Option *options, size_t count, size_t settings_size)
{
    (void)settings_size;
    for (size_t i = 0; i < count; i++) {
        const Option *option = &options[i];

        assert_ptr_equal(option_find(options, count, option->name), option);
        assert_int_equal(strspn(option->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(option->name));
        assert_string_not_equal(option->name, "config");
        assert_true(ends_with(option->help, "."));
    }
}

TEST(an_option_has_a_name_of_its_own_and_a_sentence)
{
    each_table(names_check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manual_has_every_option),
        cmocka_unit_test(the_manual_has_every_metric),
        cmocka_unit_test(this_test_registers_what_each_binary_registers),
        cmocka_unit_test(metrics_are_named_as_prometheus_wants_them),
        cmocka_unit_test(every_fallback_is_a_value_of_its_option),
        cmocka_unit_test(an_option_has_a_name_of_its_own_and_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <sys/stat.h>

#include "alloc.h"
#include "clock.h"
#include "folder.h"
#include "kube_exec.h"
#include "unit.h"

#define V1 "client.authentication.k8s.io/v1"

static KubeExec *parsed(const char *json, const char *folder)
{
    DEFER(defer_json) cJSON *exec = NULL;
    KubeExec *parsed = NULL;
    Error error = {0};

    assert_int_equal(json_parse(json, strlen(json), &exec, &error), 0);
    if (kube_exec_parse(exec, folder, &parsed, &error) < 0)
        fail_msg("%s", error.text);
    return parsed;
}

TEST(a_command_is_looked_for_beside_its_file_or_in_path)
{
    static const char *const cases[][2] = {
        {"aws", "aws"},
        {"/usr/bin/aws", "/usr/bin/aws"},
        {"bin/aws", "/etc/kube/bin/aws"},
        {"./aws", "/etc/kube/./aws"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_free)
        char *json = xasprintf("{\"apiVersion\":\"" V1 "\",\"command\":\"%s\"}", cases[i][0]);
        DEFER(defer_kube_exec) KubeExec *exec = parsed(json, "/etc/kube");

        assert_string_equal(exec->argv[0], cases[i][1]);
        assert_null(exec->argv[1]);
        assert_null(exec->env[0]);
        assert_null(exec->hint);
        assert_false(exec->wants_cluster);
    }
}

TEST(arguments_and_environment_are_kept_in_order)
{
    DEFER(defer_kube_exec)
    KubeExec *exec = parsed("{\"apiVersion\":\"client.authentication.k8s.io/v1beta1\","
                            "\"command\":\"p\",\"args\":[\"a b\",\"$x\",\"\"],"
                            "\"env\":[{\"name\":\"A\",\"value\":\"1=2\"},{\"name\":\"B\","
                            "\"value\":\"\"}],\"provideClusterInfo\":true,\"installHint\":\"h\"}",
                            "/");

    assert_string_equal(exec->argv[1], "a b");
    assert_string_equal(exec->argv[2], "$x");
    assert_string_equal(exec->argv[3], "");
    assert_null(exec->argv[4]);
    assert_string_equal(exec->env[0], "A=1=2");
    assert_string_equal(exec->env[1], "B=");
    assert_string_equal(exec->hint, "h");
    assert_true(exec->wants_cluster);
}

TEST(a_bad_description_names_the_field)
{
    static const char *const cases[][2] = {
        {"{}", "exec.apiVersion is ''; it must be client.authentication.k8s.io/v1 or v1beta1"},
        {"{\"apiVersion\":\"client.authentication.k8s.io/v1alpha1\"}",
         "exec.apiVersion is 'client.authentication.k8s.io/v1alpha1'; it must be "
         "client.authentication.k8s.io/v1 or v1beta1"},
        {"{\"apiVersion\":\"" V1 "\"}", "exec.command is missing"},
        {"{\"apiVersion\":\"" V1 "\",\"command\":\"p\",\"args\":[1]}",
         "exec.args must be at most 128 strings"},
        {"{\"apiVersion\":\"" V1 "\",\"command\":\"p\",\"env\":[{\"name\":\"A\"}]}",
         "exec.env must be at most 128 pairs of name and value"},
        {"{\"apiVersion\":\"" V1
         "\",\"command\":\"p\",\"env\":[{\"name\":\"A=B\",\"value\":\"\"}]}",
         "exec.env must be at most 128 pairs of name and value"},
        {"{\"apiVersion\":\"" V1 "\",\"command\":\"p\",\"interactiveMode\":\"Always\"}",
         "exec.interactiveMode is 'Always', but this program has no terminal to offer"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *json = NULL;
        KubeExec *exec = NULL;
        Error error = {0};

        assert_int_equal(json_parse(cases[i][0], strlen(cases[i][0]), &json, &error), 0);
        assert_int_equal(kube_exec_parse(json, "/", &exec, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i][1]);
        assert_null(exec);
    }
}

/* Runs SCRIPT as the plugin, with ARG. */
static int run(const char *script, const char *arg, KubeCredential *ret_credential, Error *reterr)
{
    DEFER(folder_done) Folder folder;
    DEFER(defer_free)
    char *json = xasprintf("{\"apiVersion\":\"" V1 "\",\"command\":\"./plugin\",\"args\":[\"%s\"],"
                           "\"env\":[{\"name\":\"COLOUR\",\"value\":\"green blue\"}]}",
                           arg);

    folder_init(&folder);
    folder_write(&folder, "plugin", script);
    DEFER(defer_free) char *path = folder_file(&folder, "plugin");
    assert_int_equal(chmod(path, 0700), 0);
    DEFER(defer_kube_exec) KubeExec *exec = parsed(json, folder.path);
    int r = kube_exec_run(exec, 2000, ret_credential, reterr);
    if (r < 0) { /* the folder's name is another each time */
        char *tail = strstr(reterr->text, "/plugin");

        assert_non_null(tail);
        memmove(reterr->text, tail, strlen(tail) + 1);
    }
    return r;
}

TEST(a_plugin_gets_its_arguments_and_environment_without_a_shell)
{
    DEFER(kube_credential_done) KubeCredential credential = {0};
    Error error = {0};

    int r = run("#!/bin/sh\n"
                "echo to be ignored >&2\n"
                "printf '{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\",\"status\":"
                "{\"token\":\"%s,%s,%s,%s\"}}' \"$1\" \"$#\" \"$COLOUR\""
                " \"${KUBERNETES_EXEC_INFO#*spec}\" | tr -d '{}\"' "
                "| sed 's/^/{\"apiVersion\":\"client.authentication.k8s.io\\/v1\",\"kind\":"
                "\"ExecCredential\",\"status\":{\"token\":\"/;s/$/\"}}/'\n",
                "$(id);x", &credential, &error);
    if (r < 0)
        fail_msg("%s", error.text);
    assert_non_null(strstr(credential.token.at, "token:$(id);x,1,green blue,:interactive:false"));
}

TEST(a_plugin_that_fails_says_why)
{
    static const struct {
        const char *script;
        ErrorKind kind;
        const char *want;
    } cases[] = {
        {"#!/bin/sh\necho log in first >&2\nexit 3\n", ERROR_DENIED,
         "/plugin': it ended with exit code 3: log in first "},
        {"#!/bin/sh\nkill -9 $$\n", ERROR_DENIED, "/plugin': it ended with signal 9: "},
        {"#!/nowhere\n", ERROR_DENIED, "/plugin': cannot be run: No such file or directory"},
        {"#!/bin/sh\necho hello\n", ERROR_DENIED,
         "/plugin': it printed no ExecCredential (not JSON)"},
        {"#!/bin/sh\nexec yes\n", ERROR_DENIED, "/plugin': it printed more than 262144 bytes"},
        {"#!/bin/sh\nsleep 60\n", ERROR_BUSY, "/plugin': did not end in time"},
        {"#!/bin/sh\nexec >&- 2>&-\nsleep 60\n", ERROR_BUSY, "/plugin': did not end in time"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        KubeCredential credential = {0};
        Error error = {0};

        assert_int_equal(run(cases[i].script, "", &credential, &error), -1);
        assert_int_equal(error.kind, cases[i].kind);
        assert_string_equal(error.text, cases[i].want);
    }
}

TEST(of_a_long_complaint_the_end_is_kept)
{
    KubeCredential credential = {0};
    Error error = {0};

    assert_int_equal(
        run("#!/bin/sh\nseq 1 5000 >&2\nprintf end >&2\nexit 1\n", "", &credential, &error), -1);
    assert_true(strlen(error.text) < 400);
    assert_non_null(strstr(error.text, " 4999 5000 end"));
}

/* A grandchild may keep the pipes open; waiting for their end would take its whole life. */
TEST(a_child_left_behind_does_not_hold_us_up)
{
    DEFER(kube_credential_done) KubeCredential credential = {0};
    Error error = {0};
    int64_t start_ms = clock_ms();

    int r = run("#!/bin/sh\nsleep 1 &\n"
                "echo '{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\",\"status\":"
                "{\"token\":\"t\"}}'\n",
                "", &credential, &error);
    if (r < 0)
        fail_msg("%s", error.text);
    assert_string_equal(credential.token.at, "t");
    assert_true(clock_ms() - start_ms < 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_looked_for_beside_its_file_or_in_path),
        cmocka_unit_test(arguments_and_environment_are_kept_in_order),
        cmocka_unit_test(a_bad_description_names_the_field),
        cmocka_unit_test(a_plugin_gets_its_arguments_and_environment_without_a_shell),
        cmocka_unit_test(a_plugin_that_fails_says_why),
        cmocka_unit_test(of_a_long_complaint_the_end_is_kept),
        cmocka_unit_test(a_child_left_behind_does_not_hold_us_up),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

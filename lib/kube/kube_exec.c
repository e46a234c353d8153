#include "kube_exec.h"

#include <unistd.h>

#include "alloc.h"
#include "kube_plugin.h"

enum { ARGS_MAX = 128 };

static void free_texts(char **texts)
{
    for (char **at = texts; at != NULL && *at != NULL; at++)
        free(*at);
    free(texts);
}
DEFINE_DEFER(char **, defer_texts, free_texts)

void kube_exec_free(KubeExec *exec)
{
    if (exec == NULL)
        return;
    free(exec->api_version);
    free_texts(exec->argv);
    free_texts(exec->env);
    free(exec->hint);
    cJSON_Delete(exec->cluster);
    free(exec);
}

static int parse_args(const cJSON *exec, const char *folder, char ***ret_argv, Error *reterr)
{
    DEFER(defer_texts) char **argv = xcalloc(ARGS_MAX + 2, sizeof *argv);
    const char *command = json_text(exec, "command", "");
    const cJSON *arg = NULL;
    size_t count = 1;

    if (*command == '\0')
        return error_set(reterr, ERROR_INVALID, "exec.command is missing");
    argv[0] = strchr(command, '/') != NULL && *command != '/' ? xasprintf("%s/%s", folder, command)
                                                              : xstrdup(command);
    cJSON_ArrayForEach (arg, json_at(exec, "args")) {
        if (!cJSON_IsString(arg) || count > ARGS_MAX)
            return error_set(reterr, ERROR_INVALID, "exec.args must be at most %d strings",
                             ARGS_MAX);
        argv[count++] = xstrdup(arg->valuestring);
    }
    *ret_argv = TAKE(argv);
    return 0;
}

static int parse_env(const cJSON *exec, char ***ret_env, Error *reterr)
{
    DEFER(defer_texts) char **env = xcalloc(ARGS_MAX + 1, sizeof *env);
    const cJSON *item = NULL;
    size_t count = 0;

    cJSON_ArrayForEach (item, json_at(exec, "env")) {
        const char *name = json_text(item, "name", "");
        const char *value = json_text(item, "value", NULL);

        if (*name == '\0' || strchr(name, '=') != NULL || value == NULL || count == ARGS_MAX)
            return error_set(reterr, ERROR_INVALID,
                             "exec.env must be at most %d pairs of name and value", ARGS_MAX);
        env[count++] = xasprintf("%s=%s", name, value);
    }
    *ret_env = TAKE(env);
    return 0;
}

static int check_exec(const cJSON *exec, Error *reterr)
{
    const char *version = json_text(exec, "apiVersion", "");

    if (!text_eq(version, "client.authentication.k8s.io/v1") &&
        !text_eq(version, "client.authentication.k8s.io/v1beta1"))
        return error_set(reterr, ERROR_INVALID,
                         "exec.apiVersion is '%.60s'; it must be client.authentication.k8s.io/v1 "
                         "or v1beta1",
                         version);
    if (text_eq(json_text(exec, "interactiveMode", ""), "Always"))
        return error_set(reterr, ERROR_INVALID,
                         "exec.interactiveMode is 'Always', but this program has no terminal to "
                         "offer");
    return 0;
}

int kube_exec_parse(const cJSON *exec, const char *folder, KubeExec **ret_exec, Error *reterr)
{
    DEFER(defer_kube_exec) KubeExec *parsed = xcalloc(1, sizeof *parsed);
    const char *hint = json_text(exec, "installHint", NULL);

    if (check_exec(exec, reterr) < 0 || parse_args(exec, folder, &parsed->argv, reterr) < 0 ||
        parse_env(exec, &parsed->env, reterr) < 0)
        return -1;
    parsed->api_version = xstrdup(json_text(exec, "apiVersion", ""));
    parsed->hint = hint != NULL ? xstrdup(hint) : NULL;
    parsed->wants_cluster = json_bool(exec, "provideClusterInfo", false);
    *ret_exec = TAKE(parsed);
    return 0;
}

/* KUBERNETES_EXEC_INFO={...} */
static char *exec_info(const KubeExec *exec)
{
    DEFER(defer_json) cJSON *info = cJSON_CreateObject();
    DEFER(defer_free) char *text = NULL;
    cJSON *spec = cJSON_CreateObject();

    json_set_text(info, "apiVersion", exec->api_version);
    json_set_text(info, "kind", "ExecCredential");
    json_set(info, "spec", spec);
    json_set_bool(spec, "interactive", false);
    if (exec->cluster != NULL)
        json_set(spec, "cluster", cJSON_Duplicate(exec->cluster, true));
    text = json_print(info);
    return xasprintf("KUBERNETES_EXEC_INFO=%s", text);
}

static bool same_name(const char *a, const char *b)
{
    size_t length = strcspn(a, "=");

    return strncmp(a, b, length) == 0 && b[length] == '=';
}

static bool is_set_in(const char *pair, char *const *env)
{
    for (; *env != NULL; env++) {
        if (same_name(pair, *env))
            return true;
    }
    return false;
}

/* Our environment, without what EXEC sets itself; then that; then EXEC_INFO. */
static char **build_env(const KubeExec *exec)
{
    size_t count = 0;
    size_t own = 0;

    while (environ[own] != NULL)
        own++;
    char **env = xcalloc(own + ARGS_MAX + 2, sizeof *env);
    for (size_t i = 0; i < own; i++) {
        if (!is_set_in(environ[i], exec->env) && !text_starts(environ[i], "KUBERNETES_EXEC_INFO="))
            env[count++] = xstrdup(environ[i]);
    }
    for (char **pair = exec->env; *pair != NULL; pair++)
        env[count++] = xstrdup(*pair);
    env[count] = exec_info(exec);
    return env;
}

/* Never ERROR_NOT_FOUND: a caller would take that for the word of the API server. */
static int explain(const KubeExec *exec, Error *reterr)
{
    if (reterr->kind == ERROR_NOT_FOUND && exec->hint != NULL)
        (void)error_wrap(reterr, "%.100s", exec->hint);
    if (reterr->kind == ERROR_NOT_FOUND)
        reterr->kind = ERROR_DENIED;
    return error_wrap(reterr, "credential plugin '%.80s'", exec->argv[0]);
}

int kube_exec_run(const KubeExec *exec, int64_t limit_ms, KubeCredential *ret_credential,
                  Error *reterr)
{
    DEFER(defer_texts) char **env = build_env(exec);
    DEFER(secret_done) Secret answer = {0};

    if (kube_plugin_run(exec->argv, env, limit_ms, &answer, reterr) < 0 ||
        kube_credential_parse(answer.at, answer.length, exec->api_version, ret_credential, reterr) <
            0)
        return explain(exec, reterr);
    return 0;
}

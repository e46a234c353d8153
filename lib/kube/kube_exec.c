#include "kube_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"

enum { ARGS_MAX = 128, ANSWER_MAX = 256 << 10, COMPLAINT_MAX = 256 };

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

/* A plugin that runs. What it prints may be a secret, so the buffer is of one piece: one that
 * grew would leave copies behind. */
typedef struct Plugin {
    pid_t pid; /* 0: none, or reaped */
    int handle;
    int out;
    int err;
    Secret answer;
    bool too_long;
    char complaint[COMPLAINT_MAX + 1];
    size_t complaint_length;
} Plugin;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void plugin_done(Plugin *plugin)
{
    if (plugin->pid > 0) {
        (void)kill(-plugin->pid, SIGKILL); /* it leads a group of its own */
        (void)waitpid(plugin->pid, NULL, 0);
    }
    close_fd(&plugin->handle);
    close_fd(&plugin->out);
    close_fd(&plugin->err);
    plugin->answer.length = ANSWER_MAX; /* all of the buffer is wiped */
    secret_done(&plugin->answer);
}

static int spawn(const KubeExec *exec, Plugin *plugin, int out, int err)
{
    DEFER(posix_spawn_file_actions_destroy) posix_spawn_file_actions_t actions;
    DEFER(posix_spawnattr_destroy) posix_spawnattr_t attributes;
    DEFER(defer_texts) char **env = build_env(exec);
    sigset_t none;
    sigset_t all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    (void)posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP);
    return posix_spawnp(&plugin->pid, exec->argv[0], &actions, &attributes, exec->argv, env);
}

static int plugin_start(const KubeExec *exec, Plugin *plugin, Error *reterr)
{
    DEFER(close_fd) int out = -1;
    DEFER(close_fd) int err = -1;
    int pair[2];

    if (pipe2(pair, O_CLOEXEC) < 0)
        return error_set(reterr, ERROR_BUSY, "pipe: %s", strerror(errno));
    plugin->out = pair[0];
    out = pair[1];
    if (pipe2(pair, O_CLOEXEC) < 0)
        return error_set(reterr, ERROR_BUSY, "pipe: %s", strerror(errno));
    plugin->err = pair[0];
    err = pair[1];
    (void)fcntl(plugin->out, F_SETFL, O_NONBLOCK);
    (void)fcntl(plugin->err, F_SETFL, O_NONBLOCK);
    int r = spawn(exec, plugin, out, err);
    if (r != 0) {
        plugin->pid = 0;
        return error_set(reterr, ERROR_DENIED, "cannot be run: %s%s%.200s", strerror(r),
                         exec->hint != NULL ? "; " : "", exec->hint != NULL ? exec->hint : "");
    }
    plugin->handle = pidfd_open(plugin->pid, 0);
    if (plugin->handle < 0)
        return error_set(reterr, ERROR_BUSY, "pidfd_open: %s", strerror(errno));
    return 0;
}

/* Keeps the last COMPLAINT_MAX bytes, on one line. */
static void add_complaint(Plugin *plugin, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (plugin->complaint_length == COMPLAINT_MAX) {
            memmove(plugin->complaint, plugin->complaint + COMPLAINT_MAX / 2, COMPLAINT_MAX / 2);
            plugin->complaint_length = COMPLAINT_MAX / 2;
        }
        char c = bytes[i];
        if ((unsigned char)c < ' ')
            c = ' ';
        plugin->complaint[plugin->complaint_length++] = c;
    }
}

static void drain_err(Plugin *plugin)
{
    char bytes[1024];
    ssize_t got = 1;

    while (plugin->err >= 0 && (got = read(plugin->err, bytes, sizeof bytes)) > 0)
        add_complaint(plugin, bytes, (size_t)got);
    if (got == 0)
        close_fd(&plugin->err);
}

static void drain_out(Plugin *plugin)
{
    ssize_t got = 1;

    while (plugin->out >= 0 && got > 0) {
        size_t room = ANSWER_MAX - plugin->answer.length;

        if (room == 0) {
            plugin->too_long = true;
            return;
        }
        got = read(plugin->out, plugin->answer.at + plugin->answer.length, room);
        plugin->answer.length += got > 0 ? (size_t)got : 0;
    }
    if (got == 0)
        close_fd(&plugin->out);
}

/* Until it has ended. A grandchild may still hold the pipes, so that their end is no sign. */
static int plugin_wait(Plugin *plugin, int64_t deadline_ms, Error *reterr)
{
    struct pollfd fds[] = {{.fd = plugin->handle, .events = POLLIN},
                           {.fd = plugin->out, .events = POLLIN},
                           {.fd = plugin->err, .events = POLLIN}};

    while ((fds[0].revents & POLLIN) == 0) {
        int64_t left = deadline_ms - clock_ms();

        if (left <= 0)
            return error_set(reterr, ERROR_BUSY, "did not end in time");
        fds[1].fd = plugin->out;
        fds[2].fd = plugin->err;
        if (poll(fds, ARRAY_SIZE(fds), (int)min_i64(left, INT32_MAX)) < 0 && errno != EINTR)
            return error_set(reterr, ERROR_BUSY, "poll: %s", strerror(errno));
        drain_out(plugin);
        drain_err(plugin);
        if (plugin->too_long)
            return error_set(reterr, ERROR_DENIED, "it printed more than %d bytes", ANSWER_MAX);
    }
    return 0;
}

static int plugin_reap(Plugin *plugin, Error *reterr)
{
    int status = 0;
    pid_t pid = waitpid(plugin->pid, &status, 0);

    assert(pid == plugin->pid);
    plugin->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    plugin->complaint[plugin->complaint_length] = '\0';
    return error_set(reterr, ERROR_DENIED, "it ended with %s %d: %s",
                     WIFEXITED(status) ? "exit code" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), plugin->complaint);
}

int kube_exec_run(const KubeExec *exec, int64_t limit_ms, KubeCredential *ret_credential,
                  Error *reterr)
{
    DEFER(plugin_done)
    Plugin plugin = {
        .handle = -1, .out = -1, .err = -1, .answer = {.at = xcalloc(ANSWER_MAX + 1, 1)}};
    int64_t deadline = clock_ms() + limit_ms;

    if (plugin_start(exec, &plugin, reterr) < 0 || plugin_wait(&plugin, deadline, reterr) < 0 ||
        plugin_reap(&plugin, reterr) < 0 ||
        kube_credential_parse(plugin.answer.at, plugin.answer.length, exec->api_version,
                              ret_credential, reterr) < 0)
        return error_wrap(reterr, "credential plugin '%.80s'", exec->argv[0]);
    return 0;
}

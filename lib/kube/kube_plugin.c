#include "kube_plugin.h"

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

enum { ANSWER_MAX = 256 << 10, COMPLAINT_MAX = 256 };

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

/* OUT and ERR are what it writes to. */
static int spawn(Plugin *plugin, char *const *argv, char *const *env, int out, int err)
{
    DEFER(posix_spawn_file_actions_destroy) posix_spawn_file_actions_t actions;
    DEFER(posix_spawnattr_destroy) posix_spawnattr_t attributes;
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
    return posix_spawnp(&plugin->pid, argv[0], &actions, &attributes, argv, env);
}

static int plugin_start(Plugin *plugin, char *const *argv, char *const *env, Error *reterr)
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
    int r = spawn(plugin, argv, env, out, err);
    if (r != 0) {
        plugin->pid = 0;
        return error_set(reterr, ERROR_NOT_FOUND, "cannot be run: %s", strerror(r));
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

int kube_plugin_run(char *const *argv, char *const *env, int64_t limit_ms, Secret *ret_answer,
                    Error *reterr)
{
    DEFER(plugin_done)
    Plugin plugin = {
        .handle = -1, .out = -1, .err = -1, .answer = {.at = xcalloc(ANSWER_MAX + 1, 1)}};
    int64_t deadline_ms = clock_ms() + limit_ms;

    if (plugin_start(&plugin, argv, env, reterr) < 0 ||
        plugin_wait(&plugin, deadline_ms, reterr) < 0 || plugin_reap(&plugin, reterr) < 0)
        return -1;
    *ret_answer = secret_copy(plugin.answer.at, plugin.answer.length);
    return 0;
}

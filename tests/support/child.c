#include "child.h"

#include <sys/wait.h>
#include <unistd.h>

static void become(int (*fn)(void *context), void *context, FILE *out, FILE *err)
{
    if (dup2(fileno(out), STDOUT_FILENO) < 0 || dup2(fileno(err), STDERR_FILENO) < 0)
        abort();
    exit(fn(context));
}

static void file_take(FILE *file, Text *text)
{
    char bytes[4096];
    size_t length;

    text_clear(text);
    text->max = CHILD_OUTPUT_MAX;
    rewind(file);
    while ((length = fread(bytes, 1, sizeof bytes, file)) > 0)
        text_add_bytes(text, bytes, length);
    (void)fclose(file);
}

const Child *child_run(int (*fn)(void *context), void *context)
{
    static Child child; /* so that a test which fails need not clean up */
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    int status = 0;

    assert(out != NULL && err != NULL);
    (void)fflush(NULL); /* or the child writes it once more */
    pid_t pid = fork();
    assert(pid >= 0);
    if (pid == 0)
        become(fn, context, out, err);
    pid_t ended = waitpid(pid, &status, 0);
    assert(ended == pid);
    child.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    file_take(out, &child.out);
    file_take(err, &child.err);
    return &child;
}

#include "child.h"

#include <sys/wait.h>
#include <unistd.h>

static void become(int (*fn)(void *context), void *context, FILE *out, FILE *err)
{
    if (dup2(fileno(out), STDOUT_FILENO) < 0 || dup2(fileno(err), STDERR_FILENO) < 0)
        abort();
    exit(fn(context));
}

static Text file_take(FILE *file)
{
    Text text = TEXT_MAX(CHILD_OUTPUT_MAX);
    char bytes[4096];
    size_t length;

    rewind(file);
    while ((length = fread(bytes, 1, sizeof bytes, file)) > 0)
        text_add_bytes(&text, bytes, length);
    (void)fclose(file);
    return text;
}

Child child_run(int (*fn)(void *context), void *context)
{
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
    return (Child){
        .status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
        .out = file_take(out),
        .err = file_take(err),
    };
}

void child_done(Child *child)
{
    text_done(&child->out);
    text_done(&child->err);
}

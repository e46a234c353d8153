/* The only process of a pod's sandbox: it keeps the pod's namespaces, and leaves when told to. */
#include <signal.h>
#include <unistd.h>

static void leave(int signal)
{
    (void)signal;
    _exit(0);
}

int main(void)
{
    struct sigaction leaving = {.sa_handler = leave};
    struct sigaction reaping = {.sa_handler = SIG_IGN, .sa_flags = SA_NOCLDWAIT};

    (void)sigaction(SIGTERM, &leaving, NULL);
    (void)sigaction(SIGINT, &leaving, NULL);
    (void)sigaction(SIGCHLD, &reaping, NULL);
    for (;;)
        (void)pause();
}

/* For LD_PRELOAD: lets a request of a program hang for ever, and moves the program's clock. The
 * program itself knows nothing of it.
 *
 * WEDGE_FOLDER is a folder in which files may appear and change while the program runs:
 *
 *   at     a request to JetStream whose subject, or one to an API server whose URL, has this text
 * in it never returns hangs  is made when one hangs clock  by how many milliseconds CLOCK_MONOTONIC
 * is ahead, as the program itself reads it. Its libraries have the real one. */
#include <curl/curl.h>
#include <fcntl.h>
#include <link.h>
#include <nats/nats.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "preload.h"

enum { TEXT_SIZE = 128, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

static const char *folder;

/* Where the program's own code lies. */
static struct {
    uintptr_t begin;
    uintptr_t end;
} own;

static int note_own(struct dl_phdr_info *object, size_t size, void *context)
{
    (void)size;
    (void)context;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];

        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0) {
            own.begin = object->dlpi_addr + part->p_vaddr;
            own.end = own.begin + part->p_memsz;
        }
    }
    return 1; /* the first object is the program */
}

__attribute__((constructor)) static void wedge_init(void)
{
    folder = getenv("WEDGE_FOLDER");
    if (folder == NULL)
        abort();
    (void)dl_iterate_phdr(note_own, NULL);
}

static bool is_own(const void *caller)
{
    return (uintptr_t)caller >= own.begin && (uintptr_t)caller < own.end;
}

#define CALLED_BY_PROGRAM() is_own(__builtin_return_address(0))

static int open_file(const char *name, int flags)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return open(path, flags | O_CLOEXEC, 0644);
}

/* "" without such a file. */
static void read_file(const char *name, char ret_text[TEXT_SIZE])
{
    int fd = open_file(name, O_RDONLY);
    ssize_t length = fd >= 0 ? read(fd, ret_text, TEXT_SIZE - 1) : 0;

    if (fd >= 0)
        (void)close(fd);
    ret_text[length > 0 ? length : 0] = '\0';
}

static int64_t ahead_ms(void)
{
    char text[TEXT_SIZE];

    read_file("clock", text);
    return strtoll(text, NULL, 10);
}

static void hang(void)
{
    int fd = open_file("hangs", O_WRONLY | O_CREAT);

    if (fd >= 0)
        (void)close(fd);
    while (true)
        (void)pause();
}

static void hang_at(const char *request)
{
    char text[TEXT_SIZE];

    read_file("at", text);
    if (text[0] != '\0' && strstr(request, text) != NULL)
        hang();
}

/* TIME, MS later, or the first moment of all. */
static void add_ms(struct timespec *time, int64_t ms)
{
    int64_t ns = time->tv_sec * NS_PER_S + time->tv_nsec + ms * NS_PER_MS;

    if (ns < 0)
        ns = 0;
    time->tv_sec = ns / NS_PER_S;
    time->tv_nsec = ns % NS_PER_S;
}

/* The libraries prescribe what follows.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

int clock_gettime(clockid_t id, struct timespec *time)
{
    NEXT(clock_gettime);

    int r = real(id, time);
    if (r == 0 && id == CLOCK_MONOTONIC && CALLED_BY_PROGRAM())
        add_ms(time, ahead_ms());
    return r;
}

/* All conditions of the program itself go by CLOCK_MONOTONIC. */
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
                           const struct timespec *until)
{
    struct timespec real_until = *until;
    NEXT(pthread_cond_timedwait);

    if (CALLED_BY_PROGRAM())
        add_ms(&real_until, -ahead_ms());
    return real(condition, lock, &real_until);
}

natsStatus natsConnection_RequestString(natsMsg **reply, natsConnection *nc, const char *subject,
                                        const char *text, int64_t timeout_ms)
{
    NEXT(natsConnection_RequestString);

    hang_at(subject);
    return real(reply, nc, subject, text, timeout_ms);
}

#undef curl_easy_setopt

/* Each argument that libcurl knows is as long as a pointer. */
CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    va_list arguments;
    NEXT(curl_easy_setopt);

    va_start(arguments, option);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (option == CURLOPT_URL)
        hang_at(argument);
    return real(easy, option, argument);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

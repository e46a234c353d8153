#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"

Secret secret_copy(const void *bytes, size_t length)
{
    Secret secret = {.at = xmalloc(length + 1), .length = length};

    if (length > 0)
        memcpy(secret.at, bytes, length);
    secret.at[length] = '\0';
    return secret;
}

void secret_done(Secret *secret)
{
    if (secret->at != NULL)
        explicit_bzero(secret->at, secret->length);
    free(secret->at);
    *secret = (Secret){0};
}

void secret_free(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

bool secret_equal(const Secret *a, const Secret *b)
{
    if (a->at == NULL || b->at == NULL)
        return a->at == b->at;
    return a->length == b->length && memcmp(a->at, b->at, a->length) == 0;
}

void secret_trim(Secret *secret)
{
    while (secret->length > 0 && strchr(" \t\r\n", secret->at[secret->length - 1]) != NULL)
        secret->at[--secret->length] = '\0';
}

static void defer_close(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* At most SIZE bytes of FD, into one piece of memory: a buffer that grew would leave copies. */
static int read_all(int fd, size_t size, Secret *ret_secret)
{
    Secret secret = {.at = xcalloc(size + 1, 1)};

    while (secret.length < size) {
        ssize_t got = read(fd, secret.at + secret.length, size - secret.length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            secret_done(&secret);
            return -1;
        }
        if (got == 0)
            break;
        secret.length += (size_t)got;
    }
    secret.at[secret.length] = '\0';
    *ret_secret = secret;
    return 0;
}

/* O_NONBLOCK: a pipe in the place of the file must not hold us up. */
static int open_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int check_file(const char *path, const struct stat *stat, Error *reterr)
{
    if (!S_ISREG(stat->st_mode))
        return error_set(reterr, ERROR_INVALID, "%s: not a regular file", path);
    if (stat->st_size > SECRET_BYTES_MAX)
        return error_set(reterr, ERROR_INVALID, "%s: larger than %d bytes", path, SECRET_BYTES_MAX);
    return 0;
}

static int secret_load(const char *path, Secret *ret_secret, struct stat *ret_stat, Error *reterr)
{
    DEFER(defer_close) int fd = open_file(path);

    if (fd < 0 || fstat(fd, ret_stat) < 0)
        return error_set(reterr, ERROR_INVALID, "%s: cannot be read: %s", path, strerror(errno));
    if (check_file(path, ret_stat, reterr) < 0)
        return -1;
    if (read_all(fd, (size_t)ret_stat->st_size, ret_secret) < 0)
        return error_set(reterr, ERROR_INVALID, "%s: cannot be read: %s", path, strerror(errno));
    return 0;
}

int secret_read(const char *path, Secret *ret_secret, Error *reterr)
{
    struct stat stat;

    return secret_load(path, ret_secret, &stat, reterr);
}

void secret_file_init(SecretFile *file, const char *path, bool trim)
{
    *file = (SecretFile){.path = xstrdup(path), .trim = trim};
}

void secret_file_done(SecretFile *file)
{
    secret_done(&file->secret);
    free(file->path);
    *file = (SecretFile){0};
}

static bool same_file(const SecretFile *file, const struct stat *stat)
{
    return file->secret.at != NULL && file->inode == stat->st_ino && file->device == stat->st_dev &&
           file->size == stat->st_size && file->modified.tv_sec == stat->st_mtim.tv_sec &&
           file->modified.tv_nsec == stat->st_mtim.tv_nsec;
}

int secret_file_refresh(SecretFile *file, bool *ret_changed, Error *reterr)
{
    struct stat now;
    Secret secret;

    if (stat(file->path, &now) == 0 && same_file(file, &now)) {
        *ret_changed = false;
        return 0;
    }
    if (secret_load(file->path, &secret, &now, reterr) < 0)
        return -1;
    if (file->trim)
        secret_trim(&secret);
    *ret_changed = !secret_equal(&secret, &file->secret);
    secret_done(&file->secret);
    file->secret = secret;
    file->inode = now.st_ino;
    file->device = now.st_dev;
    file->size = now.st_size;
    file->modified = now.st_mtim;
    return 0;
}

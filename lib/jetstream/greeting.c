#include "greeting.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "json.h"

enum { GREETING_MAX = 16 * 1024, GREETING_WAIT_MS = 3000, HOST_SIZE = 256, PORT_SIZE = 8 };

static void close_socket(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* "nats://user:password@[::1]:4222" -> "::1", "4222". The last '@' ends what is secret. */
static bool url_split(const char *url, char host[HOST_SIZE], char port[PORT_SIZE])
{
    const char *scheme = strstr(url, "://");
    const char *start = scheme != NULL ? scheme + strlen("://") : url;
    const char *at = strrchr(start, '@');

    start = at != NULL ? at + 1 : start;
    const char *colon = strrchr(start, ':');
    size_t length = colon != NULL ? (size_t)(colon - start) : strlen(start);

    if (length > 2 && start[0] == '[' && start[length - 1] == ']') {
        start++;
        length -= 2;
    }
    if (length == 0 || length >= HOST_SIZE || (colon != NULL && strlen(colon + 1) >= PORT_SIZE))
        return false;
    memcpy(host, start, length);
    host[length] = '\0';
    (void)snprintf(port, PORT_SIZE, "%s", colon != NULL ? colon + 1 : "4222");
    return true;
}

static bool wait_for(int fd, short events, int64_t deadline)
{
    int64_t left = deadline - clock_ms();
    struct pollfd one = {.fd = fd, .events = events};

    return left > 0 && poll(&one, 1, (int)left) == 1;
}

static int connect_one(const struct addrinfo *address, int64_t deadline)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int failure = 0;
    socklen_t size = sizeof failure;

    if (fd < 0)
        return -1;
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS)
        failure = errno;
    else if (!wait_for(fd, POLLOUT, deadline) ||
             getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0)
        failure = ETIMEDOUT;
    if (failure != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int connect_any(const char *host, const char *port, int64_t deadline)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int fd = -1;

    if (getaddrinfo(host, port, &hints, &addresses) != 0)
        return -1;
    for (const struct addrinfo *a = addresses; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_one(a, deadline);
    freeaddrinfo(addresses);
    return fd;
}

/* Up to the first line end; false when none comes in time or the line is too long. */
static bool line_read(int fd, int64_t deadline, char line[GREETING_MAX])
{
    size_t length = 0;

    while (length < GREETING_MAX - 1) {
        if (!wait_for(fd, POLLIN, deadline))
            return false;
        ssize_t got = recv(fd, line + length, GREETING_MAX - 1 - length, 0);
        if (got <= 0)
            return false;
        length += (size_t)got;
        line[length] = '\0';
        char *end = strstr(line, "\r\n");
        if (end != NULL) {
            *end = '\0';
            return true;
        }
    }
    return false;
}

int greeting_read(const char *url, Greeting *ret_greeting, Error *reterr)
{
    DEFER(defer_json) cJSON *info = NULL;
    int64_t deadline = clock_ms() + GREETING_WAIT_MS;
    char host[HOST_SIZE];
    char port[PORT_SIZE];
    Error ignored;

    if (!url_split(url, host, port))
        return error_set(reterr, ERROR_INVALID, "not the address of a NATS server");
    DEFER(defer_free) char *line = xmalloc(GREETING_MAX);
    DEFER(close_socket) int fd = connect_any(host, port, deadline);
    if (fd < 0 || !line_read(fd, deadline, line))
        return error_set(reterr, ERROR_BUSY, "%s:%s does not greet", host, port);
    if (!text_starts(line, "INFO ") ||
        json_parse(line + strlen("INFO "), strlen(line + strlen("INFO ")), &info, &ignored) < 0)
        return error_set(reterr, ERROR_UNSUPPORTED, "%s:%s does not greet as NATS servers do", host,
                         port);
    (void)snprintf(ret_greeting->version, sizeof ret_greeting->version, "%s",
                   json_text(info, "version", ""));
    ret_greeting->clustered = json_text(info, "cluster", "")[0] != '\0';
    return 0;
}

bool version_at_least(const char *version, int major, int minor)
{
    char *end = NULL;
    long first = strtol(version, &end, 10);

    if (end == version || *end != '.')
        return false;
    long second = strtol(end + 1, NULL, 10);
    return first > major || (first == major && second >= minor);
}

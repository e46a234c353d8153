#include "listen_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "units.h"

enum { HOST_SIZE = 256, BACKLOG = 512, PORT_MAX = 65535 };

/* Splits "host:port"; brackets around an IPv6 address go. An empty host is any address. */
static int where_split(const char *where, char ret_host[HOST_SIZE], const char **ret_port,
                       Error *reterr)
{
    const char *colon = strrchr(where, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - where);
    const char *host = where;
    int64_t port;

    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    if (colon == NULL || length >= HOST_SIZE)
        return error_set(reterr, ERROR_INVALID, "'%s' is not host:port", where);
    if (count_parse(colon + 1, 0, PORT_MAX, &port, reterr) < 0)
        return -1;
    memcpy(ret_host, host, length);
    ret_host[length] = '\0';
    *ret_port = colon + 1;
    return 0;
}

/* An IPv6 socket takes IPv4 as well: "::" is any address of a pod, whatever its cluster has. */
static int socket_bind(const struct addrinfo *address)
{
    const int on = 1;
    const int off = 0;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return -1;
}

static int socket_at(const char *host, const char *port, int *ret_fd, Error *reterr)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int fd = -1;
    int r = getaddrinfo(host, port, &hints, &addresses);

    if (r != 0)
        return error_set(reterr, ERROR_INVALID, "'%s': %s", host, gai_strerror(r));
    for (const struct addrinfo *at = addresses; at != NULL && fd < 0; at = at->ai_next)
        fd = socket_bind(at);
    freeaddrinfo(addresses);
    if (fd < 0)
        return error_set(reterr, ERROR_INVALID, "port %s of '%s' cannot be had: %s", port, host,
                         strerror(errno));
    *ret_fd = fd;
    return 0;
}

static int socket_open(const char *where, int *ret_fd, Error *reterr)
{
    char host[HOST_SIZE];
    const char *port = NULL;

    if (where_split(where, host, &port, reterr) < 0)
        return -1;
    if (*host != '\0')
        return socket_at(host, port, ret_fd, reterr);
    if (socket_at("::", port, ret_fd, reterr) == 0)
        return 0;
    return socket_at("0.0.0.0", port, ret_fd, reterr); /* a host without IPv6 */
}

int listen_socket_open(const char *flag, const char *where, int *ret_fd, Error *reterr)
{
    return socket_open(where, ret_fd, reterr) < 0 ? error_wrap(reterr, "%s", flag) : 0;
}

uint16_t listen_socket_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char digits[8] = "0";
    int64_t port = 0;
    Error ignored;

    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        (void)getnameinfo((struct sockaddr *)&address, size, NULL, 0, digits, sizeof digits,
                          NI_NUMERICSERV);
    if (count_parse(digits, 0, PORT_MAX, &port, &ignored) < 0)
        return 0;
    return (uint16_t)port;
}

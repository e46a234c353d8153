/* A TCP socket to listen on, from the text that a flag gives. */
#ifndef LISTEN_SOCKET_H
#define LISTEN_SOCKET_H

#include "base.h"
#include "error.h"

/* WHERE is "host:port", ":port" or "[::1]:port"; port 0 takes a free one. FLAG ("--listen") stands
 * in the message. The socket is the caller's (close). ERROR_INVALID when it cannot be had. */
int listen_socket_open(const char *flag, const char *where, int *ret_fd, Error *reterr) MUST_CHECK;

/* The port it got. */
uint16_t listen_socket_port(int fd);

#endif

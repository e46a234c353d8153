/* Errors: a kind, which decides what happens next, and a text for people.
 *
 * An Error lives on the caller's stack, so that reporting one cannot fail.
 * A function that can fail returns 0 or -1 and takes `Error *reterr` last; it
 * writes to *reterr only when it returns -1. The whole convention is docs/errors.md. */
#ifndef ERROR_H
#define ERROR_H

#include "base.h"

/*        kind              reason in a condition    what the queue does   */
#define ERROR_KINDS(X)                                                                             \
    X(ERROR_NONE, "Reconciled", RETRY_NEVER)                                                       \
    X(ERROR_BUSY, "Unavailable", RETRY_BACKOFF)                                                    \
    X(ERROR_CONFLICT, "Conflict", RETRY_NOW)                                                       \
    X(ERROR_EXPIRED, "Expired", RETRY_NOW)                                                         \
    X(ERROR_NOT_FOUND, "NotFound", RETRY_BACKOFF)                                                  \
    X(ERROR_DENIED, "Denied", RETRY_SLOWLY)                                                        \
    X(ERROR_LIMIT, "InsufficientResources", RETRY_SLOWLY)                                          \
    X(ERROR_OWNED, "OwnedByOther", RETRY_SLOWLY)                                                   \
    X(ERROR_UNOWNED, "ExistsUnowned", RETRY_SLOWLY)                                                \
    X(ERROR_UNSUPPORTED, "ServerTooOld", RETRY_SLOWLY)                                             \
    X(ERROR_REFUSED, "RefusedByServer", RETRY_SLOWLY)                                              \
    X(ERROR_INVALID, "InvalidSpec", RETRY_ON_CHANGE)                                               \
    X(ERROR_BUG, "InternalError", RETRY_BACKOFF)

typedef enum ErrorKind {
#define X(kind, reason, retry) kind,
    ERROR_KINDS(X)
#undef X
} ErrorKind;

typedef enum Retry {
    RETRY_NEVER,
    RETRY_NOW,
    RETRY_BACKOFF,
    RETRY_SLOWLY,    /* someone must act, perhaps outside Kubernetes: look again now and then */
    RETRY_ON_CHANGE, /* only an edit of the object can help                                   */
} Retry;

enum { ERROR_TEXT_MAX = 512 };

typedef struct Error {
    ErrorKind kind;
    char text[ERROR_TEXT_MAX];
} Error;

/* Sets *reterr; its value is -1, so that a caller can write `return error_set(...)`. A macro, so
 * that compilers and analyzers see the constant and know that this path has failed. */
#define error_set(reterr, kind, ...) (error_fill((reterr), (kind), __VA_ARGS__), -1)

/* Puts a context in front of the text ("stream 'orders': ..."), keeps the kind; its value is -1. */
#define error_wrap(reterr, ...) (error_prefix((reterr), __VA_ARGS__), -1)

void error_fill(Error *reterr, ErrorKind kind, const char *format, ...) PRINTF_LIKE(3, 4);
void error_prefix(Error *reterr, const char *format, ...) PRINTF_LIKE(2, 3);

/* The CamelCase word that a condition shows for this kind. */
const char *error_reason(ErrorKind kind);
Retry error_retry(ErrorKind kind);

/* True if waiting alone will not help: what a condition calls Stalled. */
bool error_is_terminal(ErrorKind kind);

#endif

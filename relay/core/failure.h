/* Why a row was not stored, and what that means for it and for its tenant. Pure.
 *
 * A failure of the lane pauses the tenant and buries nothing; a failure of the row buries it at
 * once; a failure of the configuration pauses and needs a person; an unknown one is tried again
 * and buried in the end. The table in failure.c is the only place that knows JetStream's codes. */
#ifndef FAILURE_H
#define FAILURE_H

#include "base.h"

typedef enum FailureClass {
    FAILURE_OF_LANE,
    FAILURE_OF_CONFIG,
    FAILURE_OF_ROW,
    FAILURE_OF_UNKNOWN,
} FailureClass;

/*  cause                 class               word          what a person reads                  */
#define FAILURE_CAUSES(X)                                                                          \
    X(FAILURE_NO_STREAM, FAILURE_OF_LANE, "no-stream",                                             \
      "the tenant's stream does not exist or has no leader; create the Tenant")                    \
    X(FAILURE_TIMEOUT, FAILURE_OF_LANE, "timeout", "JetStream did not answer in time")             \
    X(FAILURE_BUSY, FAILURE_OF_LANE, "busy", "JetStream asks to slow down")                        \
    X(FAILURE_AWAY, FAILURE_OF_LANE, "away", "the stream is not available now")                    \
    X(FAILURE_FULL, FAILURE_OF_LANE, "full",                                                       \
      "the stream or its account is full; raise the limit or consume")                             \
    X(FAILURE_WRONG_STREAM, FAILURE_OF_CONFIG, "wrong-stream",                                     \
      "another stream than the tenant's takes this subject")                                       \
    X(FAILURE_SEALED, FAILURE_OF_CONFIG, "sealed", "the stream is sealed and takes no more")       \
    X(FAILURE_TOO_LARGE, FAILURE_OF_ROW, "too-large", "the event is larger than allowed")          \
    X(FAILURE_MALFORMED, FAILURE_OF_ROW, "malformed", "the row is not a valid event")              \
    X(FAILURE_UNKNOWN, FAILURE_OF_UNKNOWN, "unknown", "JetStream refused it")

typedef enum FailureCause {
#define X(cause, class, word, text) cause,
    FAILURE_CAUSES(X)
#undef X
} FailureCause;

FailureClass failure_class(FailureCause cause);

/* A word for metrics and outbox_dead, and a sentence for people. */
const char *failure_word(FailureCause cause);
const char *failure_text(FailureCause cause);

/* For the error of a publish acknowledgement. A code that is not listed is FAILURE_AWAY if the
 * server says that it is its own state (HTTP_CODE 5xx), else FAILURE_UNKNOWN. */
FailureCause failure_from_code(int64_t err_code, int64_t http_code);

#endif

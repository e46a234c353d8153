/* What JetStream answers to a publish. Pure.
 *
 * Whoever can publish to our inbox could answer in JetStream's place, so an answer counts as
 * "stored" only if it names the tenant's own stream and a sequence. */
#ifndef ACK_H
#define ACK_H

#include "failure.h"

enum { ACK_TEXT_MAX = 160 };

typedef struct Ack {
    bool stored;
    int64_t count;           /* how many of a run's rows, the first ones; 1 for a single row */
    bool duplicate;          /* stored earlier under the same message id: as good as stored now */
    FailureCause cause;      /* where it was not stored */
    int64_t code;            /* JetStream's err_code, or 0 */
    char text[ACK_TEXT_MAX]; /* for people, where it was not stored */
} Ack;

/* Reads the LENGTH bytes of an answer for STREAM. Never fails: what cannot be understood was
 * not stored, for an unknown reason. */
void ack_parse(const char *data, size_t length, const char *stream, Ack *ret_ack);

/* The same for a run. Its first rows were stored, ret_ack->count of them, which may be none. */
void ack_parse_run(const char *data, size_t length, const char *stream, Ack *ret_ack);

/* Nobody listens on the subject: there is no stream, or it has no leader. */
void ack_no_responders(const char *stream, Ack *ret_ack);

#endif

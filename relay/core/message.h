/* A row as it goes over the wire: subject and headers made from checked parts only. Pure.
 *
 * nats.c sends whatever it is given, and the relay's connection may publish for every tenant: a
 * line end in a subject or header would become a command. So this is the one place where a
 * message is put together, and nothing gets into it unchecked. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "failure.h"
#include "row.h"
#include "subject.h"
#include "text.h"

enum {
    MESSAGE_HEADERS_MAX = 64,
    HEADER_NAME_MAX = 64,
    HEADERS_BYTES_MAX = 32 * 1024, /* the server takes 64 KiB at most */
};

typedef struct MessageHeader {
    const char *name;
    const char *value;
} MessageHeader;

/* Keep one and use it again: the memory for headers stays. message_done frees it. */
typedef struct Message {
    char subject[SUBJECT_SIZE];
    char stream[STREAM_NAME_SIZE];
    char id[MSG_ID_MAX + 1];
    MessageHeader headers[MESSAGE_HEADERS_MAX + 2];
    size_t header_count;
    Bytes content;
    Text names_and_values;
} Message;

void message_init(Message *message);
void message_done(Message *message);

/* Fills MESSAGE from ROW for a server that takes at most MAX_PAYLOAD bytes, headers and content
 * together. Valid until ROW's result is cleared or MESSAGE is used again. ERROR_INVALID with a
 * sentence for outbox_dead and *ret_cause (a failure of the row) otherwise. */
int message_build(Message *message, const Row *row, int64_t max_payload, FailureCause *ret_cause,
                  Error *reterr) MUST_CHECK;

/* ^[A-Za-z0-9-]{1,64}$ and no name that means something to the server. */
bool header_name_allowed(const char *name);

#endif

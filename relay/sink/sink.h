/* The NATS side of a worker: publishes messages and hands out what comes back.
 *
 * One connection, one inbox of its own with one subscription; the reply subject of each message
 * ends in the token of its slot, so that no map is needed to find it again. */
#ifndef SINK_H
#define SINK_H

#include "connection.h"
#include "message.h"
#include "relay_settings.h"

typedef struct Sink Sink;

typedef struct SinkSettings {
    NatsSettings nats;
    const char *name;  /* of the client, as the server shows it */
    const char *inbox; /* prefix of reply subjects               */
} SinkSettings;

/* As nats_connect: a server that is away is no error. */
int sink_new(const SinkSettings *settings, Sink **ret_sink, Error *reterr) MUST_CHECK;
void sink_free(Sink *self);
DEFINE_DEFER(Sink *, defer_sink, sink_free)

/* True while connected, with the subscriptions in place. Makes them where they are missing. */
bool sink_ready(Sink *self);

/* Two equal numbers: nothing that was sent in between was lost on the way. */
uint64_t sink_epoch(const Sink *self);

/* The server's limit for headers and content together. */
int64_t sink_max_payload(const Sink *self);

/* Why there is no connection, or what the server refused last. */
void sink_complaint(const Sink *self, char ret_text[ERROR_TEXT_MAX]);

/* Buffers MESSAGE; sink_flush sends what is buffered. ERROR_BUSY: the connection is gone. */
int sink_publish(Sink *self, const Message *message, uint32_t token, Error *reterr) MUST_CHECK;
void sink_flush(Sink *self);

/* A run: messages for one stream that are stored in order and answered together, which JetStream
 * calls a fast batch. It breaks off at the first that cannot be stored. */
typedef struct SinkRun {
    uint32_t token; /* of its first row */
    size_t rows;    /* at most          */
    size_t sent;
} SinkRun;

/* As sink_publish, the next message of RUN. */
int sink_publish_run(Sink *self, const Message *message, SinkRun *run, Error *reterr) MUST_CHECK;

/* That was all of RUN; SUBJECT is one of the stream's, nothing is stored under it. */
int sink_end_run(Sink *self, const char *subject, const SinkRun *run, Error *reterr) MUST_CHECK;

/* Asks JetStream about a tenant's stream; the answer comes as an event. */
void sink_ask(Sink *self, const char *tenant, const char *stream);

/* True when the server said last that our user may not ask. */
bool sink_is_denied(const Sink *self);

typedef enum SinkEventType {
    SINK_ANSWER,         /* to a publish                          */
    SINK_RUN_ANSWER,     /* to a run                              */
    SINK_STREAM,         /* a stream's settings                   */
    SINK_STREAM_MISSING, /* there is no such stream               */
    SINK_STREAM_DENIED,  /* nobody answers questions about streams */
    SINK_STREAM_CHANGED, /* it was created, updated or deleted    */
} SinkEventType;

typedef struct SinkEvent {
    SinkEventType type;
    uint32_t token; /* ...ANSWER */
    bool no_responders;
    Bytes answer;
    char tenant[TENANT_ID_MAX + 1]; /* STREAM... */
    RelaySettings settings;         /* STREAM    */
    bool batched;                   /* STREAM: it takes runs */
    char complaint[ERROR_TEXT_MAX]; /* STREAM: why its settings are the default ones; or "" */
} SinkEvent;

/* The next event, waiting at most WAIT_US for it; false: none. Texts in it are valid until the
 * next call. */
bool sink_next(Sink *self, int64_t wait_us, SinkEvent *ret_event);

#endif

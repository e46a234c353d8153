/* The relay's settings: the table behind its flags, variables, file keys and manual. */
#ifndef RELAY_OPTIONS_H
#define RELAY_OPTIONS_H

#include "connection.h"
#include "dead_command.h"
#include "outbox.h"
#include "replay_command.h"
#include "settings.h"

typedef struct RelayOptions {
    NatsSettings nats;
    const char *nats_inbox;
    const char *database_url;
    MappingNames names;
    const char *on_published;
    const char *listen;
    const char *log_level;
    const char *log_format;
    int64_t keep_ms;
    int64_t report_ms;
    int64_t workers;
    int64_t batch;
    int64_t poll_ms;
    int64_t max_attempts;
    bool print_schema;
    DeadOptions dead;
    ReplayOptions replay;
} RelayOptions;

extern const Program relay_program;

OnPublished relay_on_published(const RelayOptions *self);
OutboxSettings relay_outbox(const RelayOptions *self);

#endif

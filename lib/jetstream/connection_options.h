/* What a connection to NATS is made with: checked once, and handed to nats.c for each attempt. */
#ifndef CONNECTION_OPTIONS_H
#define CONNECTION_OPTIONS_H

#include "connection.h"

DEFINE_DEFER(natsOptions *, defer_nats_options, natsOptions_Destroy)

enum { CONNECTION_SERVERS_MAX = 16, CONNECTION_FILES = 5 };

typedef struct ConnectionOptions {
    char *name;
    char *files[CONNECTION_FILES]; /* creds, nkey, ca, cert, key; NULL: not given */
    char *servers[CONNECTION_SERVERS_MAX];
    size_t server_count;
    bool tls;
} ConnectionOptions;

/* Copies SETTINGS. ERROR_INVALID for what can never work, naming flag and file. To be done with in
 * either case. */
int connection_options_init(ConnectionOptions *self, const NatsSettings *settings, const char *name,
                            Error *reterr) MUST_CHECK;
void connection_options_done(ConnectionOptions *self);

/* Sets everything but the callbacks; files are read now. */
natsStatus connection_options_apply(const ConnectionOptions *self, natsOptions *options);

/* A sentence on what keeps these options from working now, or false: credentials or a certificate
 * of ours that have ended. */
bool connection_options_complaint(const ConnectionOptions *self, char ret_text[ERROR_TEXT_MAX]);

/* What tells one set of credential and certificate files from the next. */
uint64_t connection_options_stamp(const ConnectionOptions *self);

#endif

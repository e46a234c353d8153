/* One connection to NATS: options, credentials, TLS, and what happens when it breaks.
 *
 * nats.c reconnects for ever in its own threads. Nothing is buffered while it is away:
 * a publish then fails at once, so that no message is sent late or out of order
 * (nats.md 5; outbox.md 4, trap 32). Credential and certificate files are read again at
 * each reconnect. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <nats/nats.h>

#include "base.h"
#include "error.h"

DEFINE_DEFER(natsMsg *, defer_nats_msg, natsMsg_Destroy)

typedef struct NatsSettings {
    const char *url; /* one or more, comma-separated */
    const char *creds;
    const char *nkey;
    const char *ca;
    const char *cert;
    const char *key;
} NatsSettings;

/* The rows of an option table whose settings have a `NatsSettings nats`; FIELD(member) is that
 * member's offset. */
#define NATS_OPTION_ROWS(FIELD)                                                                    \
    {"nats-url",                                                                                   \
     OPTION_TEXT,                                                                                  \
     FIELD(nats.url),                                                                              \
     "nats://127.0.0.1:4222",                                                                      \
     0,                                                                                            \
     0,                                                                                            \
     NULL,                                                                                         \
     "NATS servers, comma-separated."},                                                            \
        {"nats-creds",                                                                             \
         OPTION_TEXT,                                                                              \
         FIELD(nats.creds),                                                                        \
         NULL,                                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         "Credentials file (JWT and seed). Read again at each reconnect."},                        \
        {"nats-nkey",                                                                              \
         OPTION_TEXT,                                                                              \
         FIELD(nats.nkey),                                                                         \
         NULL,                                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         "File with the seed of an NKey (SU...), instead of --nats-creds. Read again at each "     \
         "reconnect."},                                                                            \
        {"nats-ca",                                                                                \
         OPTION_TEXT,                                                                              \
         FIELD(nats.ca),                                                                           \
         NULL,                                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         "PEM file with the authorities that may sign the NATS servers' certificates."},           \
        {"nats-cert",                                                                              \
         OPTION_TEXT,                                                                              \
         FIELD(nats.cert),                                                                         \
         NULL,                                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         "PEM file with the certificate to show to NATS; needs --nats-key."},                      \
    {                                                                                              \
        "nats-key", OPTION_TEXT, FIELD(nats.key), NULL, 0, 0, NULL,                                \
            "PEM file with the private key of --nats-cert."                                        \
    }

/* Called from nats.c's threads; it must only enqueue and return. */
typedef void NatsStateFn(void *context, bool connected);

/* Likewise: the server refuses a subject to this user, and TEXT says which. */
typedef void NatsRefusedFn(void *context, const char *text);

typedef struct NatsWatcher {
    NatsStateFn *on_state;     /* may be NULL */
    NatsRefusedFn *on_refused; /* likewise    */
    void *context;
} NatsWatcher;

typedef struct NatsConnection NatsConnection;

/* Connects; when no server answers it goes on trying in the background, and the result is still 0:
 * ask nats_connected(). NAME is what the server shows for this client. WATCHER may be NULL.
 * ERROR_INVALID for settings that can never work: an unreadable file, a malformed address. */
int nats_connect(const NatsSettings *settings, const char *name, const NatsWatcher *watcher,
                 NatsConnection **ret_connection, Error *reterr) MUST_CHECK;

/* Closes it and waits until no callback runs any more. Takes NULL. */
void nats_disconnect(NatsConnection *self);
DEFINE_DEFER(NatsConnection *, defer_nats, nats_disconnect)

bool nats_connected(const NatsConnection *self);

/* Counts the times it was established: two equal numbers, nothing was lost in between. */
uint64_t nats_epoch(const NatsConnection *self);

/* The handle for nats.c, borrowed for one call: ask again each time. NULL while no connection has
 * been made. Subscriptions live as long as the handle: nats.c keeps them when it reconnects, but
 * where it gave up (a refused credential) a new handle takes the place of the old one, and they
 * have to be made again. */
natsConnection *nats_handle(const NatsConnection *self);

/* The last refusal that the server sent outside any reply (a permission violation, an expired
 * credential), or why there is no connection, or "". The text is copied. */
void nats_last_complaint(const NatsConnection *self, char ret_text[ERROR_TEXT_MAX]);

/* True if, since SINCE_MS by clock_ms(), the server has refused something and named SUBJECT. */
bool nats_refused(const NatsConnection *self, const char *subject, int64_t since_ms,
                  char ret_text[ERROR_TEXT_MAX]);

#endif

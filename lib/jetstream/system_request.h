/* Requests about the server itself, on $SYS.REQ. */
#ifndef SYSTEM_REQUEST_H
#define SYSTEM_REQUEST_H

#include "connection.h"

enum { ACCOUNT_NAME_SIZE = 128 };

/* The account of the user that CONNECTION logged in as. ERROR_BUSY when nobody answers. */
int account_of(NatsConnection *connection, char ret_account[ACCOUNT_NAME_SIZE], Error *reterr)
    MUST_CHECK;

typedef struct ServerRequest {
    const char *what; /* JSZ, as the last token of the subject */
    const char *body;
} ServerRequest;

/* Gets each server's answer as it came; true: that was the last one that is wanted. */
typedef bool ServerAnswerFn(void *context, const char *text, size_t length);

typedef struct ServerListener {
    ServerAnswerFn *answered;
    void *context;
} ServerListener;

/* Asks every server of the cluster at once, as a user of the system account, until LISTENER says
 * that this is enough, or for a few seconds at most. ERROR_BUSY when none answered. */
int ask_all_servers(NatsConnection *system, const ServerRequest *request,
                    const ServerListener *listener, Error *reterr) MUST_CHECK;

/* Asks the server with this ID alone. The answer, which may be many megabytes, is the caller's
 * (natsMsg_Destroy). ERROR_BUSY when there is none within a few seconds. */
int ask_server(NatsConnection *system, const char *id, const ServerRequest *request,
               natsMsg **ret_answer, Error *reterr) MUST_CHECK;

#endif

#include "system_request.h"

#include "clock.h"
#include "json.h"

enum { ANSWER_MS = 3000, SUBJECT_MAX = 256 };

DEFINE_DEFER(natsSubscription *, defer_subscription, natsSubscription_Destroy)
DEFINE_DEFER(natsInbox *, defer_inbox, natsInbox_Destroy)

static int handle_of(const NatsConnection *connection, natsConnection **ret_handle, Error *reterr)
{
    natsConnection *handle = nats_handle(connection);

    if (handle == NULL || !nats_connected(connection))
        return error_set(reterr, ERROR_BUSY, "not connected to NATS");
    *ret_handle = handle;
    return 0;
}

int account_of(NatsConnection *connection, char ret_account[ACCOUNT_NAME_SIZE], Error *reterr)
{
    DEFER(defer_nats_msg) natsMsg *msg = NULL;
    DEFER(defer_json) cJSON *answer = NULL;
    natsConnection *handle = NULL;

    if (handle_of(connection, &handle, reterr) < 0)
        return -1;
    natsStatus status =
        natsConnection_RequestString(&msg, handle, "$SYS.REQ.USER.INFO", "", ANSWER_MS);
    if (status != NATS_OK)
        return error_set(reterr, ERROR_BUSY, "$SYS.REQ.USER.INFO: %s", natsStatus_GetText(status));
    if (json_parse(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), &answer, reterr) < 0)
        return error_wrap(reterr, "$SYS.REQ.USER.INFO");
    const char *account = json_text(answer, "data.account", "");
    if (*account == '\0' || strlen(account) >= ACCOUNT_NAME_SIZE)
        return error_set(reterr, ERROR_BUG, "$SYS.REQ.USER.INFO: the answer names no account");
    memcpy(ret_account, account, strlen(account) + 1);
    return 0;
}

/* What one wait for an answer came to. */
typedef enum Heard {
    HEARD_NOBODY,
    HEARD_ONE,
    HEARD_ENOUGH,
} Heard;

static int hear(natsSubscription *inbox, int64_t wait_ms, const ServerListener *listener,
                Heard *ret_heard, Error *reterr)
{
    DEFER(defer_nats_msg) natsMsg *msg = NULL;
    natsStatus status = natsSubscription_NextMsg(&msg, inbox, wait_ms);

    if (status == NATS_TIMEOUT || (status == NATS_OK && natsMsg_IsNoResponders(msg))) {
        *ret_heard = HEARD_NOBODY;
        return 0;
    }
    if (status != NATS_OK)
        return error_set(reterr, ERROR_BUSY, "%s", natsStatus_GetText(status));
    bool enough = listener->answered(listener->context, natsMsg_GetData(msg),
                                     (size_t)natsMsg_GetDataLength(msg));
    *ret_heard = enough ? HEARD_ENOUGH : HEARD_ONE;
    return 0;
}

/* Hands on what comes within the time there is. */
static int collect(natsSubscription *inbox, const ServerListener *listener, Error *reterr)
{
    int64_t until_ms = clock_ms() + ANSWER_MS;
    Heard heard = HEARD_ONE;
    bool any = false;

    for (int64_t left_ms = ANSWER_MS; left_ms > 0 && heard == HEARD_ONE;
         left_ms = until_ms - clock_ms()) {
        if (hear(inbox, left_ms, listener, &heard, reterr) < 0)
            return -1;
        any = any || heard != HEARD_NOBODY;
    }
    return any ? 0
               : error_set(reterr, ERROR_BUSY,
                           "no server answers: is this a user of the system account?");
}

int ask_all_servers(NatsConnection *system, const ServerRequest *request,
                    const ServerListener *listener, Error *reterr)
{
    DEFER(defer_inbox) natsInbox *inbox = NULL;
    DEFER(defer_subscription) natsSubscription *subscription = NULL;
    natsConnection *handle = NULL;
    char subject[SUBJECT_MAX];

    (void)snprintf(subject, sizeof subject, "$SYS.REQ.SERVER.PING.%s", request->what);
    if (handle_of(system, &handle, reterr) < 0)
        return error_wrap(reterr, "%s", subject);
    natsStatus status = natsInbox_Create(&inbox);
    if (status == NATS_OK)
        status = natsConnection_SubscribeSync(&subscription, handle, inbox);
    if (status == NATS_OK)
        status = natsConnection_PublishRequestString(handle, subject, inbox, request->body);
    if (status != NATS_OK)
        return error_set(reterr, ERROR_BUSY, "%s: %s", subject, natsStatus_GetText(status));
    if (collect(subscription, listener, reterr) < 0)
        return error_wrap(reterr, "%s", subject);
    return 0;
}

int ask_server(NatsConnection *system, const char *id, const ServerRequest *request,
               natsMsg **ret_answer, Error *reterr)
{
    natsConnection *handle = NULL;
    char subject[SUBJECT_MAX];

    (void)snprintf(subject, sizeof subject, "$SYS.REQ.SERVER.%s.%s", id, request->what);
    if (handle_of(system, &handle, reterr) < 0)
        return error_wrap(reterr, "%s", subject);
    natsStatus status =
        natsConnection_RequestString(ret_answer, handle, subject, request->body, ANSWER_MS);
    if (status != NATS_OK)
        return error_set(reterr, ERROR_BUSY, "%s: %s", subject, natsStatus_GetText(status));
    return 0;
}

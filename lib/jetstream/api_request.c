#include "api_request.h"

#include "api_error.h"
#include "clock.h"
#include "greeting.h"

enum { API_TIMEOUT_MS = 5000, SUBJECT_MAX = 512, SERVER_MAJOR_MIN = 2, SERVER_MINOR_MIN = 10 };

/* No stream, no JetStream and no server look alike here: nobody listens on the subject. */
static int request_failed(natsStatus status, const char *subject, Error *reterr)
{
    if (status == NATS_NO_RESPONDERS)
        return error_set(reterr, ERROR_BUSY,
                         "%s: nobody answers: JetStream is off, has no leader, or this user may "
                         "not ask",
                         subject);
    if (status == NATS_TIMEOUT)
        return error_set(reterr, ERROR_BUSY, "%s: no answer within %d seconds", subject,
                         API_TIMEOUT_MS / 1000);
    return error_set(reterr, ERROR_BUSY, "%s: %s", subject, natsStatus_GetText(status));
}

static int not_connected(const NatsConnection *connection, const char *subject, Error *reterr)
{
    char why[ERROR_TEXT_MAX];

    nats_last_complaint(connection, why);
    return error_set(reterr, ERROR_BUSY, "%s: not connected to NATS%s%s", subject,
                     why[0] != '\0' ? ": " : "", why);
}

static int request(NatsConnection *connection, const char *subject, const char *text,
                   natsMsg **ret_msg, Error *reterr)
{
    natsConnection *nc = nats_handle(connection);
    char why[ERROR_TEXT_MAX];

    if (nc == NULL || !nats_connected(connection))
        return not_connected(connection, subject, reterr);
    int64_t sent_ms = clock_ms();
    natsStatus status = natsConnection_RequestString(ret_msg, nc, subject, text != NULL ? text : "",
                                                     API_TIMEOUT_MS);
    if (status == NATS_OK)
        return 0;
    /* Of a subject that this user may not use the server tells the connection alone. */
    if (status == NATS_TIMEOUT && nats_refused(connection, subject, sent_ms, why))
        return error_set(reterr, ERROR_DENIED, "NATS refuses this user: %s", why);
    return request_failed(status, subject, reterr);
}

int api_request(NatsConnection *connection, const cJSON *body, cJSON **ret_reply, Error *reterr,
                const char *format, ...)
{
    DEFER(defer_free) char *text = body != NULL ? json_print(body) : NULL;
    DEFER(defer_nats_msg) natsMsg *msg = NULL;
    DEFER(defer_json) cJSON *reply = NULL;
    char what[SUBJECT_MAX];
    char subject[SUBJECT_MAX + sizeof "$JS.API."];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(what, sizeof what, format, args);
    va_end(args);
    assert(length > 0 && length < SUBJECT_MAX);
    (void)snprintf(subject, sizeof subject, "$JS.API.%s", what);

    if (request(connection, subject, text, &msg, reterr) < 0)
        return -1;
    if (json_parse(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), &reply, reterr) < 0)
        return error_set(reterr, ERROR_BUG, "%s: the reply is not JSON", subject);
    if (api_error_read(reply, reterr) < 0)
        return error_wrap(reterr, "%s", subject);
    *ret_reply = TAKE(reply);
    return 0;
}

/* The INFO line of the server that we are connected to. One that cannot be read (TLS before
 * anything else) is no failure: the API level then says what the server can. */
static void greeting_of(NatsConnection *connection, Greeting *ret_greeting)
{
    natsConnection *nc = nats_handle(connection);
    char url[512];
    Error ignored;

    *ret_greeting = (Greeting){0};
    if (nc == NULL || natsConnection_GetConnectedUrl(nc, url, sizeof url) != NATS_OK)
        return;
    (void)!greeting_read(url, ret_greeting, &ignored);
}

int server_info_read(NatsConnection *connection, ServerInfo *ret_info, Error *reterr)
{
    DEFER(defer_json) cJSON *reply = NULL;
    ServerInfo info = {0};
    Greeting greeting;

    if (api_request(connection, NULL, &reply, reterr, "INFO") < 0)
        return -1;
    greeting_of(connection, &greeting);
    if (greeting.version[0] != '\0' &&
        !version_at_least(greeting.version, SERVER_MAJOR_MIN, SERVER_MINOR_MIN))
        return error_set(reterr, ERROR_UNSUPPORTED,
                         "the NATS server is %s; 2.10 is the oldest that works: upgrade it",
                         greeting.version);
    info.api_level = json_int(reply, "api.level", 0);
    info.clustered = greeting.clustered;
    (void)snprintf(info.version, sizeof info.version, "%s", greeting.version);
    *ret_info = info;
    return 0;
}

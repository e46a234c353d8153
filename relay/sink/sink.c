#include "sink.h"

#include "alloc.h"
#include "json.h"

enum {
    FLUSH_TIMEOUT_MS = 1000,
    TOKEN_DIGITS = 8,
    INBOX_MAX = 128,
    REPLY_MAX = INBOX_MAX * 2 + 64,
    RUN_ACKS_MAX = 500, /* the server reports progress after so many rows, at the latest */
    MAX_PAYLOAD_DEFAULT = 1024 * 1024,
};

/* The server's numbers for them. */
typedef enum RunStep { RUN_BEGIN = 0, RUN_ADD = 1, RUN_END = 3 } RunStep;

#define STREAM_INFO "$JS.API.STREAM.INFO."
#define ADVISORIES  "$JS.EVENT.ADVISORY.STREAM.*."

struct Sink {
    NatsConnection *connection;
    char inbox[INBOX_MAX];
    natsConnection *subscribed_on; /* the handle that the subscriptions belong to */
    natsSubscription *answers;
    natsSubscription *advisories;
    natsMsg *current; /* what the last event points into */
};

static void unsubscribe(Sink *self)
{
    natsSubscription_Destroy(self->answers);
    natsSubscription_Destroy(self->advisories);
    self->answers = NULL;
    self->advisories = NULL;
    self->subscribed_on = NULL;
}

int sink_new(const SinkSettings *settings, Sink **ret_sink, Error *reterr)
{
    natsInbox *unique = NULL;

    if (strlen(settings->inbox) > INBOX_MAX / 2 || settings->inbox[0] == '\0' ||
        strpbrk(settings->inbox, " \t\r\n*>") != NULL)
        return error_set(reterr, ERROR_INVALID,
                         "--nats-inbox: want a subject without wildcards, at most %d bytes",
                         INBOX_MAX / 2);
    if (natsInbox_Create(&unique) != NATS_OK)
        return error_set(reterr, ERROR_BUSY, "cannot make an inbox");
    Sink *self = xcalloc(1, sizeof *self);
    const char *dot = strrchr(unique, '.'); /* "_INBOX.<unique>" */
    (void)snprintf(self->inbox, sizeof self->inbox, "%s.%s", settings->inbox,
                   dot != NULL ? dot + 1 : unique);
    natsInbox_Destroy(unique);
    if (nats_connect(&settings->nats, settings->name, NULL, &self->connection, reterr) < 0) {
        free(self);
        return -1;
    }
    *ret_sink = self;
    return 0;
}

void sink_free(Sink *self)
{
    if (self == NULL)
        return;
    natsMsg_Destroy(self->current);
    unsubscribe(self);
    nats_disconnect(self->connection);
    free(self);
}

static bool subscribe(Sink *self, natsConnection *nc)
{
    char subject[REPLY_MAX];

    (void)snprintf(subject, sizeof subject, "%s.>", self->inbox);
    if (natsConnection_SubscribeSync(&self->answers, nc, subject) != NATS_OK)
        return false;
    /* A wake-up only: a user who may not see them is served by the pauses' ends. */
    if (natsConnection_SubscribeSync(&self->advisories, nc, ADVISORIES "*") != NATS_OK)
        self->advisories = NULL;
    self->subscribed_on = nc;
    return true;
}

bool sink_ready(Sink *self)
{
    natsConnection *nc = nats_handle(self->connection);

    if (nc == NULL || !nats_connected(self->connection))
        return false;
    if (self->subscribed_on == nc)
        return true;
    unsubscribe(self);
    return subscribe(self, nc);
}

uint64_t sink_epoch(const Sink *self)
{
    return nats_epoch(self->connection);
}

void sink_complaint(const Sink *self, char ret_text[ERROR_TEXT_MAX])
{
    nats_last_complaint(self->connection, ret_text);
}

int64_t sink_max_payload(const Sink *self)
{
    int64_t max =
        self->subscribed_on != NULL ? natsConnection_GetMaxPayload(self->subscribed_on) : 0;

    return max > 0 ? max : MAX_PAYLOAD_DEFAULT;
}

static natsStatus set_headers(natsMsg *msg, const Message *message)
{
    natsStatus status = NATS_OK;

    for (size_t i = 0; i < message->header_count && status == NATS_OK; i++)
        status = natsMsgHeader_Add(msg, message->headers[i].name, message->headers[i].value);
    return status;
}

static int publish(Sink *self, const Message *message, const char *reply, Error *reterr)
{
    DEFER(defer_nats_msg) natsMsg *msg = NULL;

    assert(self->subscribed_on != NULL && message->content.length <= INT32_MAX);
    natsStatus status = natsMsg_Create(&msg, message->subject, reply, message->content.at,
                                       (int)message->content.length);
    if (status == NATS_OK)
        status = set_headers(msg, message);
    if (status == NATS_OK)
        status = natsConnection_PublishMsg(self->subscribed_on, msg);
    if (status != NATS_OK)
        return error_set(reterr, ERROR_BUSY, "NATS: %s", natsStatus_GetText(status));
    return 0;
}

/* <inbox>.a.0000002f, for each row, which is why it is written by hand. */
static void answer_subject(const Sink *self, uint32_t token, char ret[REPLY_MAX])
{
    static const char digits[] = "0123456789abcdef";
    size_t length = strlen(self->inbox);

    memcpy(ret, self->inbox, length);
    memcpy(ret + length, ".a.", 3);
    for (size_t i = 0; i < TOKEN_DIGITS; i++)
        ret[length + 3 + i] = digits[token >> (4 * (TOKEN_DIGITS - 1 - i)) & 15];
    ret[length + 3 + TOKEN_DIGITS] = '\0';
}

int sink_publish(Sink *self, const Message *message, uint32_t token, Error *reterr)
{
    char reply[REPLY_MAX];

    answer_subject(self, token, reply);
    return publish(self, message, reply, reterr);
}

/* <inbox>.b.<id of the run>.<messages between reports>.fail.<number>.<what to do>.$FI, where the id
 * begins like the inbox, so that no two relays have the same, and ends in the token. */
static void run_reply(const Sink *self, const SinkRun *run, RunStep step, char ret[REPLY_MAX])
{
    const char *unique = strrchr(self->inbox, '.') + 1;
    size_t acks = run->rows < RUN_ACKS_MAX ? run->rows : RUN_ACKS_MAX;

    (void)snprintf(ret, REPLY_MAX, "%s.b.%s%08x.%zu.fail.%zu.%d.$FI", self->inbox, unique,
                   run->token, acks, run->sent + 1, (int)step);
}

int sink_publish_run(Sink *self, const Message *message, SinkRun *run, Error *reterr)
{
    char reply[REPLY_MAX];

    run_reply(self, run, run->sent == 0 ? RUN_BEGIN : RUN_ADD, reply);
    run->sent++;
    return publish(self, message, reply, reterr);
}

int sink_end_run(Sink *self, const char *subject, const SinkRun *run, Error *reterr)
{
    char reply[REPLY_MAX];

    run_reply(self, run, RUN_END, reply);
    natsStatus status = natsConnection_PublishRequest(self->subscribed_on, subject, reply, "", 0);
    if (status != NATS_OK)
        return error_set(reterr, ERROR_BUSY, "NATS: %s", natsStatus_GetText(status));
    return 0;
}

void sink_flush(Sink *self)
{
    /* Whether it worked, the answers tell. */
    if (self->subscribed_on != NULL)
        (void)natsConnection_FlushTimeout(self->subscribed_on, FLUSH_TIMEOUT_MS);
}

void sink_ask(Sink *self, const char *tenant, const char *stream)
{
    char subject[STREAM_NAME_SIZE + 32];
    char reply[REPLY_MAX];

    if (self->subscribed_on == NULL)
        return;
    (void)snprintf(subject, sizeof subject, STREAM_INFO "%s", stream);
    (void)snprintf(reply, sizeof reply, "%s.s.%s", self->inbox, tenant);
    (void)natsConnection_PublishRequest(self->subscribed_on, subject, reply, "", 0);
}

bool sink_is_denied(const Sink *self)
{
    char complaint[ERROR_TEXT_MAX];

    sink_complaint(self, complaint);
    return strstr(complaint, STREAM_INFO) != NULL;
}

/* DIGITS, of a subject, are those of a token, with END behind them. */
static bool read_token(const char *digits, char end, uint32_t *ret_token)
{
    char *behind = NULL;
    unsigned long token = strtoul(digits, &behind, 16);

    *ret_token = (uint32_t)token;
    return behind - digits == TOKEN_DIGITS && *behind == end;
}

/* <inbox>.a.0000002f */
static bool read_answer(natsMsg *msg, const char *digits, SinkEvent *ret_event)
{
    uint32_t token;

    if (!read_token(digits, '\0', &token))
        return false;
    *ret_event = (SinkEvent){
        .type = SINK_ANSWER,
        .token = token,
        .no_responders = natsMsg_IsNoResponders(msg),
        .answer = {natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)},
    };
    return true;
}

/* <inbox>.b.<unique>0000002f.10.fail.3.1.$FI; reports of progress are nothing to us. */
static bool read_run_answer(natsMsg *msg, const char *id, SinkEvent *ret_event)
{
    static const char progress[] = "{\"type\":";
    const char *dot = strchr(id, '.');
    Bytes answer = {natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)};
    uint32_t token;

    if (dot == NULL || dot - id <= TOKEN_DIGITS || !read_token(dot - TOKEN_DIGITS, '.', &token) ||
        (answer.length >= strlen(progress) && memcmp(answer.at, progress, strlen(progress)) == 0))
        return false;
    *ret_event = (SinkEvent){.type = SINK_RUN_ANSWER, .token = token, .answer = answer};
    return true;
}

/* What the stream's metadata asks of the relay. A value that cannot be read is the controller's
 * fault, and no reason to keep the tenant waiting. */
static void read_settings(const cJSON *info, SinkEvent *ret_event)
{
    Error error;

    ret_event->type = SINK_STREAM;
    ret_event->batched = json_bool(info, "config.allow_batched", false);
    if (relay_settings_parse(json_at(info, "config.metadata"), &ret_event->settings, &error) == 0)
        return;
    ret_event->settings = relay_settings_default();
    (void)snprintf(ret_event->complaint, sizeof ret_event->complaint, "%s", error.text);
}

/* <inbox>.s.acme */
static bool read_stream(natsMsg *msg, const char *tenant, SinkEvent *ret_event)
{
    DEFER(defer_json) cJSON *info = NULL;
    Error ignored;

    if (!tenant_id_valid(tenant))
        return false;
    *ret_event = (SinkEvent){.type = SINK_STREAM_DENIED};
    (void)snprintf(ret_event->tenant, sizeof ret_event->tenant, "%.*s", TENANT_ID_MAX, tenant);
    if (natsMsg_IsNoResponders(msg))
        return true;
    if (json_parse(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), &info, &ignored) < 0)
        return false;
    int64_t code = json_int(info, "error.err_code", 0);
    if (json_at(info, "error") == NULL && json_at(info, "config") != NULL) {
        read_settings(info, ret_event);
        return true;
    }
    ret_event->type = SINK_STREAM_MISSING;
    return failure_from_code(code, 0) == FAILURE_NO_STREAM;
}

static bool read_reply(const Sink *self, natsMsg *msg, SinkEvent *ret_event)
{
    const char *rest = natsMsg_GetSubject(msg) + strlen(self->inbox);

    if (text_starts(rest, ".a."))
        return read_answer(msg, rest + 3, ret_event);
    if (text_starts(rest, ".b."))
        return read_run_answer(msg, rest + 3, ret_event);
    return text_starts(rest, ".s.") && read_stream(msg, rest + 3, ret_event);
}

/* $JS.EVENT.ADVISORY.STREAM.CREATED.TENANT_ACME */
static bool read_advisory(natsMsg *msg, SinkEvent *ret_event)
{
    const char *dot = strrchr(natsMsg_GetSubject(msg), '.');

    *ret_event = (SinkEvent){.type = SINK_STREAM_CHANGED};
    return dot != NULL && stream_tenant(dot + 1, ret_event->tenant);
}

static bool take(Sink *self, natsSubscription *subscription, int64_t wait_ms)
{
    natsMsg_Destroy(self->current);
    self->current = NULL;
    return subscription != NULL &&
           natsSubscription_NextMsg(&self->current, subscription, wait_ms) == NATS_OK;
}

static bool has_advisory(const Sink *self)
{
    uint64_t queued = 0;

    return self->advisories != NULL &&
           natsSubscription_QueuedMsgs(self->advisories, &queued) == NATS_OK && queued > 0;
}

bool sink_next(Sink *self, int64_t wait_us, SinkEvent *ret_event)
{
    int64_t wait_ms = (wait_us + 999) / 1000;

    while (has_advisory(self) && take(self, self->advisories, 1)) {
        if (read_advisory(self->current, ret_event))
            return true;
    }
    while (take(self, self->answers, wait_ms)) {
        if (read_reply(self, self->current, ret_event))
            return true;
        wait_ms = 1;
    }
    return false;
}

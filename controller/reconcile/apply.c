#include "apply.h"

#include "api_request.h"

typedef struct Applier {
    NatsConnection *nats;
    const char *stream;
    const Step *step;
    Observed *observed;
} Applier;

static int find_consumer(const Applier *self)
{
    const cJSON *info = NULL;
    int at = 0;

    cJSON_ArrayForEach (info, self->observed->consumers) {
        if (text_eq(json_text(info, "name", ""), self->step->consumer))
            return at;
        at++;
    }
    return -1;
}

/* As the server would count them now. */
static void count_consumers(const Applier *self)
{
    cJSON *state = cJSON_GetObjectItemCaseSensitive(self->observed->stream, "state");

    if (state != NULL)
        json_set_int(state, "consumer_count", cJSON_GetArraySize(self->observed->consumers));
}

static void forget_consumer(const Applier *self)
{
    int at = find_consumer(self);

    if (at >= 0)
        cJSON_DeleteItemFromArray(self->observed->consumers, at);
    count_consumers(self);
}

static int send_stream(const Applier *self, const char *verb, Error *reterr)
{
    cJSON *reply = NULL;

    if (api_request(self->nats, self->step->config, &reply, reterr, "STREAM.%s.%s", verb,
                    self->stream) < 0)
        return -1;
    cJSON_Delete(self->observed->stream);
    self->observed->stream = reply;
    if (self->observed->consumers == NULL)
        self->observed->consumers = cJSON_CreateArray();
    return 0;
}

static int send_consumer(const Applier *self, const char *action, Error *reterr)
{
    DEFER(defer_json) cJSON *body = cJSON_CreateObject();
    cJSON *reply = NULL;

    json_set_text(body, "stream_name", self->stream);
    json_set(body, "config", cJSON_Duplicate(self->step->config, true));
    json_set_text(body, "action", action);
    if (api_request(self->nats, body, &reply, reterr, "CONSUMER.CREATE.%s.%s", self->stream,
                    self->step->consumer) < 0)
        return -1;
    forget_consumer(self);
    (void)cJSON_AddItemToArray(self->observed->consumers, reply);
    count_consumers(self);
    return 0;
}

/* Without pause_until the server resumes. */
static int send_pause(const Applier *self, Error *reterr)
{
    const char *until = json_text(self->step->config, "pause_until", "");
    DEFER(defer_json) cJSON *body = cJSON_CreateObject();
    DEFER(defer_json) cJSON *reply = NULL;

    if (*until != '\0')
        json_set_text(body, "pause_until", until);
    if (api_request(self->nats, body, &reply, reterr, "CONSUMER.PAUSE.%s.%s", self->stream,
                    self->step->consumer) < 0)
        return -1;

    cJSON *info = cJSON_GetArrayItem(self->observed->consumers, find_consumer(self));
    cJSON *config = cJSON_GetObjectItemCaseSensitive(info, "config");
    cJSON_DeleteItemFromObjectCaseSensitive(config, "pause_until");
    if (*until != '\0')
        json_set_text(config, "pause_until", json_text(reply, "pause_until", until));
    json_set_bool(info, "paused", json_bool(reply, "paused", false));
    return 0;
}

/* What is gone already is as good as deleted. */
static int send_delete(const Applier *self, const char *what, Error *reterr)
{
    DEFER(defer_json) cJSON *reply = NULL;
    Error error;

    if (api_request(self->nats, NULL, &reply, &error, "%s.DELETE.%s%s%s", what, self->stream,
                    self->step->consumer[0] != '\0' ? "." : "", self->step->consumer) < 0 &&
        error.kind != ERROR_NOT_FOUND) {
        *reterr = error;
        return -1;
    }
    if (self->step->consumer[0] != '\0')
        forget_consumer(self);
    else
        observed_done(self->observed);
    return 0;
}

int apply_step(NatsConnection *nats, const char *stream, const Step *step, Observed *observed,
               Error *reterr)
{
    const Applier self = {.nats = nats, .stream = stream, .step = step, .observed = observed};

    switch (step->type) {
    case STEP_STREAM_CREATE:
        return send_stream(&self, "CREATE", reterr);
    case STEP_STREAM_UPDATE:
        return send_stream(&self, "UPDATE", reterr);
    case STEP_STREAM_DELETE:
        return send_delete(&self, "STREAM", reterr);
    case STEP_CONSUMER_CREATE:
        return send_consumer(&self, "create", reterr);
    case STEP_CONSUMER_UPDATE:
        return send_consumer(&self, "update", reterr);
    case STEP_CONSUMER_PAUSE:
        return send_pause(&self, reterr);
    case STEP_CONSUMER_DELETE:
        return send_delete(&self, "CONSUMER", reterr);
    }
    assert(!"unknown step");
    abort();
}

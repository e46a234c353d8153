#include "numbers.h"

#include "alloc.h"

static_assert(NUMBERS_TIME_SIZE % sizeof(int64_t) == 0, "StreamNumbers has a gap");
static_assert((CONSUMER_NAME_MAX + 8) % sizeof(int64_t) == 0, "ConsumerNumbers has a gap");

void numbers_done(Numbers *self)
{
    free(self->consumers);
    *self = (Numbers){0};
}

static void set_text(char *to, size_t size, const char *text)
{
    memset(to, 0, size);
    (void)snprintf(to, size, "%s", text);
}

void numbers_set_stream(Numbers *self, const cJSON *info)
{
    StreamNumbers *stream = &self->stream;

    self->has_stream = true;
    stream->messages = json_int(info, "state.messages", 0);
    stream->bytes = json_int(info, "state.bytes", 0);
    stream->first_sequence = json_int(info, "state.first_seq", 0);
    stream->last_sequence = json_int(info, "state.last_seq", 0);
    set_text(stream->created, sizeof stream->created, json_text(info, "created", ""));
    set_text(stream->last_time, sizeof stream->last_time, json_text(info, "state.last_ts", ""));
}

/* In the order of names, since servers answer in any: equal numbers are equal bytes. */
static ConsumerNumbers *insert(Numbers *self, const char *name)
{
    size_t at = 0;

    while (at < self->consumer_count && strcmp(self->consumers[at].name, name) <= 0)
        at++;
    self->consumers =
        xrealloc(self->consumers, (self->consumer_count + 1) * sizeof *self->consumers);
    memmove(&self->consumers[at + 1], &self->consumers[at],
            (self->consumer_count - at) * sizeof *self->consumers);
    self->consumer_count++;
    return &self->consumers[at];
}

void numbers_add_consumer(Numbers *self, const cJSON *info)
{
    const char *name = json_text(info, "name", "");

    if (strlen(name) > CONSUMER_NAME_MAX)
        return;
    ConsumerNumbers *consumer = insert(self, name);
    consumer->pending = json_int(info, "num_pending", 0);
    consumer->ack_pending = json_int(info, "num_ack_pending", 0);
    consumer->redelivered = json_int(info, "num_redelivered", 0);
    set_text(consumer->name, sizeof consumer->name, name);
}

static size_t consumers_size(const Numbers *self)
{
    return self->consumer_count * sizeof *self->consumers;
}

bool numbers_equal(const Numbers *a, const Numbers *b)
{
    return a->has_stream == b->has_stream && a->consumer_count == b->consumer_count &&
           memcmp(&a->stream, &b->stream, sizeof a->stream) == 0 &&
           (a->consumer_count == 0 || memcmp(a->consumers, b->consumers, consumers_size(a)) == 0);
}

Numbers numbers_copy(const Numbers *self)
{
    Numbers copy = *self;

    copy.consumers = NULL;
    if (self->consumer_count > 0) {
        copy.consumers = xmalloc(consumers_size(self));
        memcpy(copy.consumers, self->consumers, consumers_size(self));
    }
    return copy;
}

static cJSON *stream_info(const StreamNumbers *stream)
{
    cJSON *info = cJSON_CreateObject();
    cJSON *state = cJSON_CreateObject();

    json_set_int(state, "messages", stream->messages);
    json_set_int(state, "bytes", stream->bytes);
    json_set_int(state, "first_seq", stream->first_sequence);
    json_set_int(state, "last_seq", stream->last_sequence);
    json_set_text(state, "last_ts", stream->last_time);
    json_set_text(info, "created", stream->created);
    json_set(info, "state", state);
    return info;
}

static cJSON *consumer_info(const ConsumerNumbers *consumer)
{
    cJSON *info = cJSON_CreateObject();

    json_set_text(info, "name", consumer->name);
    json_set_int(info, "num_pending", consumer->pending);
    json_set_int(info, "num_ack_pending", consumer->ack_pending);
    json_set_int(info, "num_redelivered", consumer->redelivered);
    return info;
}

Observed numbers_observed(const Numbers *self)
{
    Observed observed = {.consumers = cJSON_CreateArray()};

    if (self->has_stream)
        observed.stream = stream_info(&self->stream);
    for (size_t i = 0; i < self->consumer_count; i++)
        (void)cJSON_AddItemToArray(observed.consumers, consumer_info(&self->consumers[i]));
    return observed;
}

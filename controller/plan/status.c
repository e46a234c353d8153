#include "status.h"

enum { EXACT_BELOW = 1000, MESSAGE_MAX = 1024 };

int64_t status_quantise(int64_t count)
{
    int64_t unit = 1;

    while (count / unit >= EXACT_BELOW)
        unit *= 10;
    return count / unit * unit;
}

static const char *stream_created(const cJSON *status)
{
    return json_text(status, "stream.created", "");
}

static cJSON *stream_status(const Tenant *tenant, const cJSON *info)
{
    cJSON *stream = cJSON_CreateObject();
    int64_t messages = json_int(info, "state.messages", 0);

    json_set_text(stream, "name", tenant->stream);
    json_set_text(stream, "created", json_text(info, "created", ""));
    json_set_int(stream, "messages", status_quantise(messages));
    json_set_int(stream, "bytes", status_quantise(json_int(info, "state.bytes", 0)));
    json_set_int(stream, "firstSequence", json_int(info, "state.first_seq", 0));
    json_set_int(stream, "lastSequence", json_int(info, "state.last_seq", 0));
    if (messages > 0)
        json_set_text(stream, "lastEventTime", json_text(info, "state.last_ts", ""));
    return stream;
}

static cJSON *consumer_status(const cJSON *info, int64_t *lag)
{
    cJSON *consumer = cJSON_CreateObject();
    int64_t pending = json_int(info, "num_pending", 0);
    int64_t unacknowledged = json_int(info, "num_ack_pending", 0);

    *lag = max_i64(*lag, pending + unacknowledged);
    json_set_text(consumer, "name", json_text(info, "name", ""));
    json_set_int(consumer, "pending", status_quantise(pending));
    json_set_int(consumer, "ackPending", status_quantise(unacknowledged));
    json_set_int(consumer, "redelivered", status_quantise(json_int(info, "num_redelivered", 0)));
    json_set_int(consumer, "lag", status_quantise(pending + unacknowledged));
    if (json_bool(info, "paused", false))
        json_set_bool(consumer, "paused", true);
    return consumer;
}

static void add_observed(cJSON *status, const StatusInput *input)
{
    const cJSON *info = NULL;
    cJSON *consumers = cJSON_CreateArray();
    int64_t lag = 0;

    cJSON_ArrayForEach (info, input->observed->consumers) {
        if (tenant_declares_consumer(input->tenant, json_text(info, "name", "")))
            (void)cJSON_AddItemToArray(consumers, consumer_status(info, &lag));
    }
    json_set(status, "consumers", consumers);
    json_set_int(status, "lag", status_quantise(lag));
    if (input->observed->stream != NULL)
        json_set(status, "stream", stream_status(input->tenant, input->observed->stream));
}

static void keep_old(cJSON *status, const cJSON *old)
{
    static const char *const kept[] = {"stream", "consumers", "lag"};

    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        const cJSON *item = json_at(old, kept[i]);

        if (item != NULL)
            json_set(status, kept[i], cJSON_Duplicate(item, true));
    }
}

/* A stream that is younger than the one that was reported before took its place: what had been in
 * the old one is gone. The condition stays until somebody has seen it and says so. */
static void report_data_loss(cJSON *conditions, const cJSON *status, const StatusInput *input,
                             const ConditionStamp *stamp)
{
    const char *before = stream_created(input->tenant->status);
    const char *now = stream_created(status);
    const cJSON *seen = cJSON_GetObjectItemCaseSensitive(
        json_at(input->tenant->metadata, "annotations"), STATUS_DATA_LOSS_SEEN);
    char message[MESSAGE_MAX];

    if (*now != '\0' && text_eq(json_text(seen, "", ""), now)) {
        condition_remove(conditions, STATUS_DATA_LOSS);
        return;
    }
    if (*before == '\0' || *now == '\0' || text_eq(before, now))
        return;
    (void)snprintf(message, sizeof message,
                   "the stream made %s was gone and had to be made again at %s, empty; replay "
                   "what was lost, then annotate the Tenant with %s=%s",
                   before, now, STATUS_DATA_LOSS_SEEN, now);
    condition_set(conditions,
                  &(Condition){.type = STATUS_DATA_LOSS,
                               .status = CONDITION_TRUE,
                               .reason = "StreamRecreated",
                               .message = message},
                  stamp);
}

cJSON *status_build(const StatusInput *input)
{
    const Tenant *tenant = input->tenant;
    const ConditionStamp stamp = {.generation = tenant->generation, .now = input->now};
    const cJSON *old = json_at(tenant->status, "conditions");
    cJSON *conditions = old != NULL ? cJSON_Duplicate(old, true) : cJSON_CreateArray();
    cJSON *status = cJSON_CreateObject();

    json_set_int(status, "observedGeneration", tenant->generation);
    if (input->observed != NULL)
        add_observed(status, input);
    else
        keep_old(status, tenant->status);
    report_data_loss(conditions, status, input, &stamp);
    conditions_report(conditions, input->outcome, input->reason, input->message, &stamp);
    json_set(status, "conditions", conditions);
    return status;
}

/* What is left when everything that counts or ticks is taken out. */
static cJSON *without_counters(const cJSON *status)
{
    static const char *const stream_counters[] = {"messages", "bytes", "firstSequence",
                                                  "lastSequence", "lastEventTime"};
    static const char *const consumer_counters[] = {"pending", "ackPending", "redelivered", "lag"};
    cJSON *rest = cJSON_Duplicate(status, true);
    cJSON *consumer = NULL;

    cJSON_DeleteItemFromObjectCaseSensitive(rest, "lag");
    cJSON_DeleteItemFromObjectCaseSensitive(rest, "outbox"); /* another field manager's */
    for (size_t i = 0; i < ARRAY_SIZE(stream_counters); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(rest, "stream"),
                                                stream_counters[i]);
    cJSON_ArrayForEach (consumer, cJSON_GetObjectItemCaseSensitive(rest, "consumers")) {
        for (size_t i = 0; i < ARRAY_SIZE(consumer_counters); i++)
            cJSON_DeleteItemFromObjectCaseSensitive(consumer, consumer_counters[i]);
    }
    return rest;
}

StatusChange status_compare(const cJSON *old_status, const cJSON *new_status)
{
    DEFER(defer_json) cJSON *old_rest = without_counters(old_status);
    DEFER(defer_json) cJSON *new_rest = without_counters(new_status);

    if (old_status == NULL || !json_equal(old_rest, new_rest))
        return STATUS_NEWS;
    if (json_int(old_status, "stream.messages", 0) == json_int(new_status, "stream.messages", 0) &&
        json_int(old_status, "stream.bytes", 0) == json_int(new_status, "stream.bytes", 0) &&
        json_int(old_status, "lag", 0) == json_int(new_status, "lag", 0) &&
        json_equal(json_at(old_status, "consumers"), json_at(new_status, "consumers")))
        return STATUS_SAME;
    return STATUS_COUNTERS;
}

bool status_is_moving(const cJSON *status)
{
    return json_int(status, "lag", 0) > 0;
}

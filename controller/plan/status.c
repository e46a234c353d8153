#include "status.h"

#include "quantise.h"

enum { MESSAGE_MAX = 1024, HANDLED_MAX = 256 };

static const char *stream_created(const cJSON *status)
{
    return json_text(status, "stream.created", "");
}

static cJSON *stream_status(const cJSON *info)
{
    cJSON *stream = cJSON_CreateObject();
    int64_t messages = json_int(info, "state.messages", 0);

    json_set_text(stream, "created", json_text(info, "created", ""));
    json_set_int(stream, "messages", quantise_count(messages));
    json_set_int(stream, "bytes", quantise_count(json_int(info, "state.bytes", 0)));
    json_set_int(stream, "firstSequence", json_int(info, "state.first_seq", 0));
    json_set_int(stream, "lastSequence", json_int(info, "state.last_seq", 0));
    if (messages > 0)
        json_set_text(stream, "lastEventTime", json_text(info, "state.last_ts", ""));
    return stream;
}

/* Of a stream that is gone the birth stays, so that the one that takes its place is told from it,
 * however many passes it takes to make it. */
static cJSON *stream_memory(const char *created)
{
    cJSON *stream = cJSON_CreateObject();

    json_set_text(stream, "created", created);
    return stream;
}

static void add_stream(cJSON *status, const StatusInput *input)
{
    const cJSON *info = input->observed->stream;
    const char *before = stream_created(input->tenant->status);

    if (info == NULL && *before == '\0')
        return;
    cJSON *stream = info != NULL ? stream_status(info) : stream_memory(before);
    json_set_text(stream, "name", input->tenant->stream);
    json_set(status, "stream", stream);
}

static void count_consumer(cJSON *consumer, const cJSON *info)
{
    int64_t pending = json_int(info, "num_pending", 0);
    int64_t unacknowledged = json_int(info, "num_ack_pending", 0);

    json_set_int(consumer, "pending", quantise_count(pending));
    json_set_int(consumer, "ackPending", quantise_count(unacknowledged));
    json_set_int(consumer, "redelivered", quantise_count(json_int(info, "num_redelivered", 0)));
    json_set_int(consumer, "lag", quantise_count(pending + unacknowledged));
}

static cJSON *consumer_status(const cJSON *info)
{
    cJSON *consumer = cJSON_CreateObject();

    json_set_text(consumer, "name", json_text(info, "name", ""));
    count_consumer(consumer, info);
    if (json_bool(info, "paused", false))
        json_set_bool(consumer, "paused", true);
    return consumer;
}

static int64_t largest_lag(const cJSON *consumers)
{
    const cJSON *consumer = NULL;
    int64_t lag = 0;

    cJSON_ArrayForEach (consumer, consumers) {
        lag = max_i64(lag, json_int(consumer, "lag", 0));
    }
    return lag;
}

/* Those of the spec, in its order; what others made in the stream is not reported. */
static void add_consumers(cJSON *status, const StatusInput *input)
{
    const cJSON *declared = NULL;
    cJSON *consumers = cJSON_CreateArray();

    cJSON_ArrayForEach (declared, json_at(input->tenant->spec, "consumers")) {
        const cJSON *info = observed_consumer(input->observed, json_text(declared, "name", ""));

        if (info != NULL)
            (void)cJSON_AddItemToArray(consumers, consumer_status(info));
    }
    json_set_int(status, "lag", largest_lag(consumers));
    json_set(status, "consumers", consumers);
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

static const char *annotation(const Tenant *tenant, const char *name)
{
    const cJSON *annotations = json_at(tenant->metadata, "annotations");

    return json_text(cJSON_GetObjectItemCaseSensitive(annotations, name), "", "");
}

/* Flux waits for its own word to come back. */
static void add_handled(cJSON *status, const Tenant *tenant)
{
    const char *ours = annotation(tenant, STATUS_RECONCILE_AT);
    const char *flux = annotation(tenant, STATUS_REQUESTED_AT);
    const char *handled = *flux != '\0' ? flux : ours;

    if (*handled != '\0' && strlen(handled) <= HANDLED_MAX)
        json_set_text(status, "lastHandledReconcileAt", handled);
}

/* A stream that is younger than the one that was reported before took its place: what had been in
 * the old one is gone. The condition stays until somebody has seen it and says so. */
static void report_data_loss(cJSON *conditions, const cJSON *status, const StatusInput *input,
                             const ConditionStamp *stamp)
{
    const char *before = stream_created(input->tenant->status);
    const char *now = stream_created(status);
    char message[MESSAGE_MAX];

    if (*now != '\0' && text_eq(annotation(input->tenant, STATUS_DATA_LOSS_SEEN), now)) {
        condition_remove(conditions, STATUS_DATA_LOSS);
        return;
    }
    if (*before == '\0' || *now == '\0' || text_eq(before, now))
        return;
    (void)snprintf(message, sizeof message,
                   "the stream made %s is gone, and the one in its place was made %s; replay what "
                   "was lost, then annotate the Tenant with %s=%s",
                   before, now, STATUS_DATA_LOSS_SEEN, now);
    condition_set(conditions,
                  &(Condition){.type = STATUS_DATA_LOSS,
                               .status = CONDITION_TRUE,
                               .reason = "StreamRecreated",
                               .message = message},
                  stamp);
}

static const Surroundings *surroundings_of(const StatusInput *input)
{
    static const Surroundings nothing_known;

    return input->surroundings != NULL ? input->surroundings : &nothing_known;
}

cJSON *status_build(const StatusInput *input)
{
    const Tenant *tenant = input->tenant;
    const ConditionStamp stamp = {.generation = tenant->generation, .now = input->now};
    const cJSON *old = json_at(tenant->status, "conditions");
    cJSON *conditions = old != NULL ? cJSON_Duplicate(old, true) : cJSON_CreateArray();
    cJSON *status = cJSON_CreateObject();

    json_set_int(status, "observedGeneration", tenant->generation);
    add_handled(status, tenant);
    if (input->observed != NULL) {
        add_consumers(status, input);
        add_stream(status, input);
    } else {
        keep_old(status, tenant->status);
    }
    report_data_loss(conditions, status, input, &stamp);
    surroundings_report(surroundings_of(input), tenant, status, conditions, &stamp);
    conditions_report(conditions, input->outcome, input->reason, input->message, &stamp);
    json_set(status, "conditions", conditions);
    return status;
}

bool status_can_recount(const Tenant *tenant, const Observed *observed)
{
    if (tenant->status == NULL || tenant->deletion_timestamp != NULL ||
        json_int(tenant->status, "observedGeneration", -1) != tenant->generation ||
        !cJSON_IsArray(json_at(tenant->status, "conditions")))
        return false;
    return observed == NULL ||
           text_eq(json_text(observed->stream, "created", ""), stream_created(tenant->status));
}

static void recount(cJSON *status, const StatusInput *input)
{
    cJSON *stream = stream_status(input->observed->stream);
    cJSON *consumers = cJSON_GetObjectItemCaseSensitive(status, "consumers");
    cJSON *consumer = NULL;

    cJSON_ArrayForEach (consumer, consumers) {
        const cJSON *info = observed_consumer(input->observed, json_text(consumer, "name", ""));

        if (info != NULL)
            count_consumer(consumer, info);
    }
    json_set_text(stream, "name", input->tenant->stream);
    json_set(status, "stream", stream);
    json_set_int(status, "lag", largest_lag(consumers));
}

cJSON *status_recount(const StatusInput *input)
{
    const ConditionStamp stamp = {.generation = input->tenant->generation, .now = input->now};
    cJSON *status = cJSON_Duplicate(input->tenant->status, true);

    if (input->observed != NULL)
        recount(status, input);
    surroundings_report(surroundings_of(input), input->tenant, status,
                        cJSON_GetObjectItemCaseSensitive(status, "conditions"), &stamp);
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
    cJSON_DeleteItemFromObjectCaseSensitive(rest, "outbox");
    for (size_t i = 0; i < ARRAY_SIZE(stream_counters); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(rest, "stream"),
                                                stream_counters[i]);
    cJSON_ArrayForEach (consumer, cJSON_GetObjectItemCaseSensitive(rest, "consumers")) {
        for (size_t i = 0; i < ARRAY_SIZE(consumer_counters); i++)
            cJSON_DeleteItemFromObjectCaseSensitive(consumer, consumer_counters[i]);
    }
    return rest;
}

/* Numbers that are worth a write: sequences and times of events alone are not. */
static bool same_counters(const cJSON *a, const cJSON *b)
{
    static const char *const paths[] = {
        "stream.messages", "stream.bytes", "lag", "outbox.pending", "outbox.oldestPendingSeconds",
        "outbox.dead"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        if (json_int(a, paths[i], -1) != json_int(b, paths[i], -1))
            return false;
    }
    return json_equal(json_at(a, "consumers"), json_at(b, "consumers"));
}

StatusChange status_compare(const cJSON *old_status, const cJSON *new_status)
{
    DEFER(defer_json) cJSON *old_rest = without_counters(old_status);
    DEFER(defer_json) cJSON *new_rest = without_counters(new_status);

    if (old_status == NULL || !json_equal(old_rest, new_rest))
        return STATUS_NEWS;
    if (same_counters(old_status, new_status))
        return STATUS_SAME;
    return STATUS_COUNTERS;
}

bool status_is_moving(const cJSON *status)
{
    return json_int(status, "lag", 0) > 0;
}

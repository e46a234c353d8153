#include "consumer_fields.h"

#include "field_value.h"

#define ACK_WAIT_NS    (FIELD_SECOND * 30)
#define PINNED_NS      (FIELD_SECOND * 120)
#define ACK_PENDING    1000
#define PAUSE_TEXT_MAX 256

static const FieldWord deliver_words[] = {{"All", "all", 0},
                                          {"Last", "last", 0},
                                          {"New", "new", 0},
                                          {"ByStartSequence", "by_start_sequence", 0},
                                          {"ByStartTime", "by_start_time", 0},
                                          {"LastPerSubject", "last_per_subject", 0},
                                          {0}};
static const FieldWord ack_words[] = {
    {"Explicit", "explicit", 0}, {"All", "all", 0}, {"None", "none", 0}, {0}};
static const FieldWord replay_words[] = {
    {"Instant", "instant", 0}, {"Original", "original", 0}, {0}};
static const FieldWord priority_words[] = {{"None", "none", 1},
                                           {"Overflow", "overflow", 1},
                                           {"PinnedClient", "pinned_client", 1},
                                           {"Prioritized", "prioritized", 2},
                                           {0}};

/* A push consumer sends to any subject, so that what makes one has no path: see stream_fields.c. */
/* clang-format off */
static const Field rows[] = {
/*   path, API name, type, change, default, level, min, max, words */
    {NULL, "name", FIELD_TEXT, FIELD_FIXED, NULL, 0, 0, 0, NULL},
    {NULL, "durable_name", FIELD_TEXT, FIELD_FIXED, NULL, 0, 0, 0, NULL},
    {NULL, "filter_subject", FIELD_TEXT, FIELD_LIVE, NULL, 0, 0, 0, NULL},
    {NULL, "filter_subjects", FIELD_TEXTS, FIELD_LIVE, NULL, 0, 0, 0, NULL},
    {"description", "description", FIELD_TEXT, FIELD_LIVE, "", 0, 0, 1024, NULL},
    {"deliverPolicy", "deliver_policy", FIELD_ENUM, FIELD_FIXED, "All", 0, 0, 0, deliver_words},
    {"optStartSeq", "opt_start_seq", FIELD_INT, FIELD_FIXED, "0", 0, 1, FIELD_INT_MAX, NULL},
    {"optStartTime", "opt_start_time", FIELD_TIME, FIELD_FIXED, NULL, 0, 0, 32, NULL},
    {"ackPolicy", "ack_policy", FIELD_ENUM, FIELD_FIXED, "Explicit", 0, 0, 0, ack_words},
    {"ackWait", "ack_wait", FIELD_DURATION, FIELD_LIVE, NULL, 0, FIELD_MS, FIELD_TEN_YEARS, NULL},
    {"maxDeliver", "max_deliver", FIELD_INT, FIELD_LIVE, "-1", 0, 1, 1000000, NULL},
    {"backoff", "backoff", FIELD_DURATIONS, FIELD_LIVE, NULL, 0, 1, 32, NULL},
    {"replayPolicy", "replay_policy", FIELD_ENUM, FIELD_FIXED, "Instant", 0, 0, 0, replay_words},
    {"sampleFreq", "sample_freq", FIELD_TEXT, FIELD_LIVE, "", 0, 0, 4, NULL},
    {"maxWaiting", "max_waiting", FIELD_INT, FIELD_FIXED, "512", 0, 1, 1000000, NULL},
    {"maxAckPending", "max_ack_pending", FIELD_INT, FIELD_LIVE, NULL, 0, -1, 1000000, NULL},
    {"headersOnly", "headers_only", FIELD_BOOL, FIELD_LIVE, "false", 0, 0, 0, NULL},
    {"maxBatch", "max_batch", FIELD_INT, FIELD_LIVE, "0", 0, 1, 1000000, NULL},
    {"maxExpires", "max_expires", FIELD_DURATION, FIELD_LIVE, "0s", 0, FIELD_MS, FIELD_TEN_YEARS,
     NULL},
    {"maxBytes", "max_bytes", FIELD_QUANTITY, FIELD_LIVE, "0", 0, 1, 1 << 30, NULL},
    {"inactiveThreshold", "inactive_threshold", FIELD_DURATION, FIELD_LIVE, NULL, 0,
     FIELD_SECOND, FIELD_TEN_YEARS, NULL},
    {"replicas", "num_replicas", FIELD_INT, FIELD_LIVE, "0", 0, 1, 5, NULL},
    {"memStorage", "mem_storage", FIELD_BOOL, FIELD_FIXED, "false", 0, 0, 0, NULL},
    {"metadata", "metadata", FIELD_LABELS, FIELD_LIVE, NULL, 0, 0, 32, NULL},
    {"pauseUntil", "pause_until", FIELD_TIME, FIELD_APART, NULL, 1, 0, 32, NULL},
    {"priorityPolicy", "priority_policy", FIELD_ENUM, FIELD_LIVE, "None", 1, 0, 0, priority_words},
    {"priorityGroups", "priority_groups", FIELD_TEXTS, FIELD_LIVE, NULL, 1, 1, 1, NULL},
    {"priorityTimeout", "priority_timeout", FIELD_DURATION, FIELD_LIVE, "0s", 1, FIELD_SECOND,
     FIELD_TEN_YEARS, NULL},
    {NULL, "deliver_subject", FIELD_ABSENT, FIELD_FIXED, NULL, 0, 0, 0, NULL},
    {NULL, "deliver_group", FIELD_ABSENT, FIELD_LIVE, NULL, 0, 0, 0, NULL},
    {NULL, "flow_control", FIELD_ABSENT, FIELD_FIXED, NULL, 0, 0, 0, NULL},
    {NULL, "idle_heartbeat", FIELD_ABSENT, FIELD_FIXED, NULL, 0, 0, 0, NULL},
    {NULL, "rate_limit_bps", FIELD_ABSENT, FIELD_LIVE, NULL, 0, 0, 0, NULL},
    {NULL, "direct", FIELD_ABSENT, FIELD_FIXED, NULL, 0, 0, 0, NULL},
    {NULL, "sourcing", FIELD_ABSENT, FIELD_FIXED, NULL, 0, 0, 0, NULL},
};
/* clang-format on */

const FieldTable consumer_fields = {rows, ARRAY_SIZE(rows)};

static void set_int_once(cJSON *config, const char *name, int64_t number)
{
    if (json_at(config, name) == NULL)
        json_set_int(config, name, number);
}

/* The first backoff is the ack_wait, whatever else was asked for. */
static void set_ack_wait(cJSON *config, bool acknowledged)
{
    const cJSON *first = cJSON_GetArrayItem(json_at(config, "backoff"), 0);

    if (first != NULL)
        json_set(config, "ack_wait", cJSON_Duplicate(first, false));
    else
        set_int_once(config, "ack_wait", acknowledged ? ACK_WAIT_NS : 0);
}

static void set_defaults(cJSON *config, const cJSON *stream)
{
    int64_t ack_pending = json_int(stream, "consumer_limits.max_ack_pending", 0);
    int64_t inactive = json_int(stream, "consumer_limits.inactive_threshold", 0);
    bool acknowledged = !text_eq(json_text(config, "ack_policy", ""), "none");
    bool pinned = text_eq(json_text(config, "priority_policy", ""), "pinned_client");

    if (ack_pending == 0 && acknowledged)
        ack_pending = ACK_PENDING;
    set_ack_wait(config, acknowledged);
    set_int_once(config, "max_ack_pending", ack_pending);
    set_int_once(config, "inactive_threshold", inactive);
    if (pinned && json_int(config, "priority_timeout", 0) == 0)
        json_set_int(config, "priority_timeout", PINNED_NS);
}

int consumer_config_build(const FieldInput *input, const cJSON *stream, cJSON **ret_config,
                          Error *reterr)
{
    cJSON *config = NULL;

    if (fields_build(&consumer_fields, input, &config, reterr) < 0)
        return -1;
    set_defaults(config, stream);
    *ret_config = config;
    return 0;
}

bool consumer_pause_differs(const cJSON *desired, const cJSON *observed, Text *reason)
{
    static const Field pause = {.type = FIELD_TIME, .change = FIELD_APART};
    DEFER(text_done) Text new = TEXT_MAX(PAUSE_TEXT_MAX);
    DEFER(text_done) Text old = TEXT_MAX(PAUSE_TEXT_MAX);

    field_show(&pause, json_at(desired, "pause_until"), &new);
    field_show(&pause, json_at(observed, "pause_until"), &old);
    if (text_eq(text_get(&new), text_get(&old)))
        return false;
    if (reason != NULL)
        text_addf(reason, "%spauseUntil %s -> %s", reason->length > 0 ? ", " : "", text_get(&old),
                  text_get(&new));
    return true;
}

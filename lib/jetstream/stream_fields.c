#include "stream_fields.h"

#define DUPLICATES_NS (FIELD_SECOND * 120)

static const FieldWord retention_words[] = {
    {"Limits", "limits", 0}, {"Interest", "interest", 0}, {"WorkQueue", "workqueue", 0}, {0}};
static const FieldWord storage_words[] = {{"File", "file", 0}, {"Memory", "memory", 0}, {0}};
static const FieldWord discard_words[] = {{"Old", "old", 0}, {"New", "new", 0}, {0}};
static const FieldWord compression_words[] = {{"None", "none", 0}, {"S2", "s2", 0}, {0}};
static const FieldWord persist_words[] = {{"Default", "default", 2}, {"Async", "async", 2}, {0}};

/* What other streams or the server would copy in, rewrite or drop has no path: it is not a tenant's
 * to set, and is taken away again where somebody set it by hand. */
/* clang-format off */
static const Field rows[] = {
/*   path, API name, type, change, default, level, min, max, words */
    {NULL, "name", FIELD_TEXT, FIELD_FIXED, NULL, 0, 0, 0, NULL},
    {NULL, "subjects", FIELD_TEXTS, FIELD_LIVE, NULL, 0, 0, 0, NULL},
    {NULL, "max_consumers", FIELD_INT, FIELD_LIVE, "-1", 0, 0, 0, NULL},
    {"description", "description", FIELD_TEXT, FIELD_LIVE, "", 0, 0, 1024, NULL},
    {"retention", "retention", FIELD_ENUM, FIELD_RETENTION, "Limits", 0, 0, 0, retention_words},
    {"storage", "storage", FIELD_ENUM, FIELD_FIXED, "File", 0, 0, 0, storage_words},
    {"replicas", "num_replicas", FIELD_INT, FIELD_LIVE, NULL, 0, 1, 5, NULL},
    {"maxAge", "max_age", FIELD_DURATION, FIELD_LIVE, "0s", 0, FIELD_MS * 100, FIELD_TEN_YEARS,
     NULL},
    {"maxBytes", "max_bytes", FIELD_QUANTITY, FIELD_LIVE, "-1", 0, 1, INT64_C(1) << 50, NULL},
    {"maxMsgs", "max_msgs", FIELD_INT, FIELD_LIVE, "-1", 0, 1, FIELD_INT_MAX, NULL},
    {"maxMsgsPerSubject", "max_msgs_per_subject", FIELD_INT, FIELD_LIVE, "-1", 0, 1,
     FIELD_INT_MAX, NULL},
    {"maxMsgSize", "max_msg_size", FIELD_QUANTITY, FIELD_LIVE, "-1", 0, 1, 64 << 20, NULL},
    {"discard", "discard", FIELD_ENUM, FIELD_LIVE, "Old", 0, 0, 0, discard_words},
    {"discardNewPerSubject", "discard_new_per_subject", FIELD_BOOL, FIELD_LIVE, "false", 0, 0, 0,
     NULL},
    {"duplicateWindow", "duplicate_window", FIELD_DURATION, FIELD_LIVE, NULL, 0, FIELD_MS * 100,
     FIELD_TEN_YEARS, NULL},
    {"placement.cluster", "placement.cluster", FIELD_TEXT, FIELD_LIVE, NULL, 0, 1, 128, NULL},
    {"placement.tags", "placement.tags", FIELD_TEXTS, FIELD_LIVE, NULL, 0, 0, 16, NULL},
    {"compression", "compression", FIELD_ENUM, FIELD_LIVE, "None", 0, 0, 0, compression_words},
    {"firstSeq", "first_seq", FIELD_INT, FIELD_FIXED, "0", 0, 1, FIELD_INT_MAX, NULL},
    {"allowDirect", "allow_direct", FIELD_BOOL, FIELD_LIVE, "false", 0, 0, 0, NULL},
    {"denyDelete", "deny_delete", FIELD_BOOL, FIELD_ONLY_TRUE, "false", 0, 0, 0, NULL},
    {"denyPurge", "deny_purge", FIELD_BOOL, FIELD_ONLY_TRUE, "false", 0, 0, 0, NULL},
    {"allowRollupHdrs", "allow_rollup_hdrs", FIELD_BOOL, FIELD_LIVE, "false", 0, 0, 0, NULL},
    {"consumerLimits.inactiveThreshold", "consumer_limits.inactive_threshold", FIELD_DURATION,
     FIELD_LIVE, "0s", 0, FIELD_SECOND, FIELD_TEN_YEARS, NULL},
    {"consumerLimits.maxAckPending", "consumer_limits.max_ack_pending", FIELD_INT, FIELD_LIVE,
     "0", 0, 1, 1000000, NULL},
    {"allowMsgTTL", "allow_msg_ttl", FIELD_BOOL, FIELD_ONLY_TRUE, "false", 1, 0, 0, NULL},
    {"subjectDeleteMarkerTTL", "subject_delete_marker_ttl", FIELD_DURATION, FIELD_LIVE, "0s", 1,
     FIELD_SECOND, FIELD_TEN_YEARS, NULL},
    {"allowMsgCounter", "allow_msg_counter", FIELD_BOOL, FIELD_FIXED, "false", 2, 0, 0, NULL},
    {"allowAtomic", "allow_atomic", FIELD_BOOL, FIELD_LIVE, "false", 2, 0, 0, NULL},
    {"allowMsgSchedules", "allow_msg_schedules", FIELD_BOOL, FIELD_ONLY_TRUE, "false", 2, 0, 0,
     NULL},
    {"persistMode", "persist_mode", FIELD_ENUM, FIELD_FIXED, "Default", 2, 0, 0, persist_words},
    {"allowBatched", "allow_batched", FIELD_BOOL, FIELD_LIVE, "false", 4, 0, 0, NULL},
    {"metadata", "metadata", FIELD_LABELS, FIELD_LIVE, NULL, 0, 0, 32, NULL},
    {NULL, "no_ack", FIELD_ABSENT, FIELD_LIVE, NULL, 0, 0, 0, NULL},
    {NULL, "mirror", FIELD_ABSENT, FIELD_LIVE, NULL, 0, 0, 0, NULL},
    {NULL, "mirror_direct", FIELD_ABSENT, FIELD_LIVE, NULL, 0, 0, 0, NULL},
    {NULL, "sources", FIELD_ABSENT, FIELD_LIVE, NULL, 0, 0, 0, NULL},
    {NULL, "subject_transform", FIELD_ABSENT, FIELD_LIVE, NULL, 0, 0, 0, NULL},
    {NULL, "republish", FIELD_ABSENT, FIELD_LIVE, NULL, 0, 0, 0, NULL},
    {NULL, "sealed", FIELD_ABSENT, FIELD_FIXED, NULL, 0, 0, 0, NULL},
};
/* clang-format on */

const FieldTable stream_fields = {rows, ARRAY_SIZE(rows)};

static void set_duplicate_window(cJSON *config)
{
    int64_t max_age = json_int(config, "max_age", 0);

    if (json_at(config, "duplicate_window") == NULL)
        json_set_int(config, "duplicate_window",
                     max_age > 0 ? min_i64(max_age, DUPLICATES_NS) : DUPLICATES_NS);
}

/* Written out, so that the server, which would turn them on, reports what was sent. */
static void set_side_effects(cJSON *config)
{
    bool markers = json_int(config, "subject_delete_marker_ttl", 0) > 0;

    if (markers)
        json_set_bool(config, "allow_msg_ttl", true);
    if (markers || json_bool(config, "allow_msg_schedules", false)) {
        json_set_bool(config, "allow_rollup_hdrs", true);
        json_set_bool(config, "deny_purge", false);
    }
}

/* Persisting asynchronously is for streams of one replica. */
static void set_replicas(cJSON *config, int64_t replicas)
{
    bool async = text_eq(json_text(config, "persist_mode", ""), "async");

    if (json_at(config, "num_replicas") == NULL)
        json_set_int(config, "num_replicas", async ? 1 : replicas);
}

int stream_config_build(const FieldInput *input, int64_t replicas, cJSON **ret_config,
                        Error *reterr)
{
    cJSON *config = NULL;

    if (fields_build(&stream_fields, input, &config, reterr) < 0)
        return -1;
    set_replicas(config, replicas);
    set_duplicate_window(config);
    set_side_effects(config);
    *ret_config = config;
    return 0;
}

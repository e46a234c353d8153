/* One row a field: how a Tenant writes it, how JetStream names it, and whether it may change.
 *
 * The rows of stream_fields.c and consumer_fields.c drive everything that is done with a field:
 * the check of a manifest, the configuration sent to the server, the comparison with what the
 * server has, and the test that holds them and the CRD together. Pure. */
#ifndef FIELD_H
#define FIELD_H

#include "base.h"
#include "error.h"
#include "json.h"
#include "text.h"

/* Bounds for the rows. A double, which JSON numbers become, is exact up to 2^53. */
#define FIELD_MS        INT64_C(1000000)
#define FIELD_SECOND    INT64_C(1000000000)
#define FIELD_TEN_YEARS (FIELD_SECOND * 3600 * 87600)
#define FIELD_INT_MAX   (INT64_C(1) << 53)

typedef enum FieldType {
    FIELD_TEXT,
    FIELD_ENUM, /* a word of `words`                                              */
    FIELD_BOOL,
    FIELD_INT,
    FIELD_QUANTITY,  /* "10Gi", or an integer; bytes in the API                        */
    FIELD_DURATION,  /* "1h30m"; nanoseconds in the API                                */
    FIELD_DURATIONS, /* a list of them                                                 */
    FIELD_TEXTS,     /* a list; its order does not count                               */
    FIELD_LABELS,    /* an object of texts                                             */
    FIELD_TIME,      /* RFC 3339 in UTC: "2026-01-02T15:04:05Z"                        */
    FIELD_ABSENT,    /* crosses tenants or loses data: never sent, a difference if set */
} FieldType;

typedef enum FieldChange {
    FIELD_LIVE,      /* STREAM.UPDATE and CONSUMER.CREATE accept another value            */
    FIELD_FIXED,     /* set at creation                                                   */
    FIELD_ONLY_TRUE, /* may be turned on, never off                                       */
    FIELD_RETENTION, /* live between Limits and Interest, fixed to and from WorkQueue     */
    FIELD_APART,     /* has a request of its own: an update does not see it, nor does the diff */
} FieldChange;

/* A word of an enum. The list ends with a NULL word. */
typedef struct FieldWord {
    const char *word; /* "WorkQueue"                */
    const char *api;  /* "workqueue"                */
    int64_t level;    /* API level that brought it  */
} FieldWord;

typedef struct Field {
    const char *path; /* "consumerLimits.maxAckPending"; NULL: not in the manifest, set by code */
    const char *api;  /* "consumer_limits.max_ack_pending" */
    FieldType type;
    FieldChange change;
    const char *fallback; /* the value when it is not set, as a manifest would write it; NULL: none.
                           * An integer whose fallback is "-1" is unlimited at 0 and below */
    int64_t level;        /* API level that brought it; 0: NATS 2.10 has it */
    int64_t min;          /* of the number, nanoseconds, bytes, or text length */
    int64_t max;          /* the same; for lists and labels the number of items */
    const FieldWord *words;
} Field;

typedef struct FieldTable {
    const Field *rows;
    size_t count;
} FieldTable;

/* What a configuration is built from. */
typedef struct FieldInput {
    const char *where; /* path of SPEC for messages: "spec.stream", "spec.consumers[2]" */
    const cJSON *spec; /* may be NULL: all defaults                                     */
    int64_t api_level; /* of the server                                                 */
} FieldInput;

/* Builds the whole API configuration: each row that the server knows, with its value or its
 * default, so that a field which left the manifest goes back to its default. A row without a
 * fallback is left out when it is not set.
 *
 * ERROR_INVALID, with the path, for a value the CRD would have refused; ERROR_UNSUPPORTED, with
 * the version needed, for a field above the server's API level. *ret_config is the caller's. */
int fields_build(const FieldTable *table, const FieldInput *input, cJSON **ret_config,
                 Error *reterr) MUST_CHECK;

typedef enum FieldDiff {
    FIELD_DIFF_NONE,
    FIELD_DIFF_UPDATE, /* the server can be told                                        */
    FIELD_DIFF_FIXED,  /* a fixed field differs: the server would refuse, someone must act */
} FieldDiff;

/* Compares DESIRED, a whole configuration, with OBSERVED, as the server reports it. What the
 * server leaves out counts as its default; metadata keys that start with "_nats." and fields that
 * no row names do not count. Adds the differences to REASON, what is there first:
 * "maxBytes 10Gi -> 20Gi, maxAge 1h -> none". With FIELD_DIFF_FIXED only the fixed fields are
 * named. REASON may be NULL. */
FieldDiff fields_diff(const FieldTable *table, const cJSON *desired, const cJSON *observed,
                      Text *reason);

/* "2.12" for 2: the first NATS release of an API level. */
const char *api_level_version(int64_t level);

#endif

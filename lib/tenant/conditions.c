#include "conditions.h"

#include "alloc.h"

enum { MESSAGE_MAX = 32768, REASON_MAX = 1024 };

/* A part of an outcome's row that is not to be there. */
enum { CONDITION_NONE = -1 };

typedef struct Part {
    int status;         /* a ConditionStatus, or CONDITION_NONE */
    const char *reason; /* NULL: the caller's                   */
} Part;

typedef struct Row {
    Part ready;
    Part reconciling;
    Part stalled;
    Part in_sync;
} Row;

/* Ready=Unknown and not False while work goes on: Argo CD would call the object degraded, and
 * break the wave that installs it. Only Stalled ends the wait of Helm and Flux at once. */
static const Row rows[] = {
    [OUTCOME_PROGRESSING] = {.ready = {CONDITION_UNKNOWN, "Progressing"},
                             .reconciling = {CONDITION_TRUE, "Progressing"},
                             .stalled = {CONDITION_NONE, NULL},
                             .in_sync = {CONDITION_UNKNOWN, "Progressing"}},
    [OUTCOME_RETRYING] = {.ready = {CONDITION_FALSE, NULL},
                          .reconciling = {CONDITION_TRUE, "ProgressingWithRetry"},
                          .stalled = {CONDITION_NONE, NULL},
                          .in_sync = {CONDITION_UNKNOWN, NULL}},
    [OUTCOME_STALLED] = {.ready = {CONDITION_FALSE, NULL},
                         .reconciling = {CONDITION_NONE, NULL},
                         .stalled = {CONDITION_TRUE, NULL},
                         .in_sync = {CONDITION_FALSE, NULL}},
    [OUTCOME_READY] = {.ready = {CONDITION_TRUE, "Reconciled"},
                       .reconciling = {CONDITION_NONE, NULL},
                       .stalled = {CONDITION_NONE, NULL},
                       .in_sync = {CONDITION_TRUE, "Reconciled"}},
    [OUTCOME_DRIFTED] = {.ready = {CONDITION_FALSE, "Drifted"},
                         .reconciling = {CONDITION_NONE, NULL},
                         .stalled = {CONDITION_NONE, NULL},
                         .in_sync = {CONDITION_FALSE, "Drifted"}},
    [OUTCOME_SUSPENDED] = {.ready = {CONDITION_UNKNOWN, "Suspended"},
                           .reconciling = {CONDITION_NONE, NULL},
                           .stalled = {CONDITION_NONE, NULL},
                           .in_sync = {CONDITION_TRUE, "Reconciled"}},
    [OUTCOME_DELETING] = {.ready = {CONDITION_FALSE, "Deleting"},
                          .reconciling = {CONDITION_TRUE, "Deleting"},
                          .stalled = {CONDITION_NONE, NULL},
                          .in_sync = {CONDITION_UNKNOWN, "Deleting"}},
};

static const char *status_word(ConditionStatus status)
{
    static const char *const words[] = {
        [CONDITION_FALSE] = "False", [CONDITION_TRUE] = "True", [CONDITION_UNKNOWN] = "Unknown"};

    assert((size_t)status < ARRAY_SIZE(words));
    return words[status];
}

static cJSON *find(const cJSON *conditions, const char *type)
{
    cJSON *item = NULL;

    cJSON_ArrayForEach (item, conditions) {
        if (text_eq(json_text(item, "type", ""), type))
            return item;
    }
    return NULL;
}

const cJSON *condition_find(const cJSON *conditions, const char *type)
{
    return find(conditions, type);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$ : the API server refuses the whole status otherwise. */
static bool reason_valid(const char *reason)
{
    size_t length = strnlen(reason, REASON_MAX + 1);

    if (length == 0 || length > REASON_MAX || !is_letter(reason[0]))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_letter(reason[i]) && strchr("0123456789_,:", reason[i]) == NULL)
            return false;
    }
    return reason[length - 1] != ',' && reason[length - 1] != ':';
}

/* At most MESSAGE_MAX bytes, not cut within a character. */
static char *message_cut(const char *message)
{
    size_t length = strnlen(message, MESSAGE_MAX + 1);

    if (length > MESSAGE_MAX) {
        length = MESSAGE_MAX;
        while (length > 0 && ((unsigned char)message[length] & 0xC0) == 0x80)
            length--;
    }
    return xstrndup(message, length);
}

void condition_set(cJSON *conditions, const Condition *condition, const ConditionStamp *stamp)
{
    const char *status = status_word(condition->status);
    DEFER(defer_free) char *message = message_cut(condition->message);
    cJSON *item = find(conditions, condition->type);

    if (item == NULL) {
        item = cJSON_CreateObject();
        json_set_text(item, "type", condition->type);
        (void)cJSON_AddItemToArray(conditions, item);
    }
    if (!text_eq(json_text(item, "status", ""), status) ||
        json_text(item, "lastTransitionTime", NULL) == NULL)
        json_set_text(item, "lastTransitionTime", stamp->now);
    json_set_text(item, "status", status);
    json_set_int(item, "observedGeneration", stamp->generation);
    json_set_text(item, "reason", reason_valid(condition->reason) ? condition->reason : "Unknown");
    json_set_text(item, "message", message);
}

void condition_remove(cJSON *conditions, const char *type)
{
    cJSON_Delete(cJSON_DetachItemViaPointer(conditions, find(conditions, type)));
}

/* With Ready=True each condition must speak of the same generation. */
static void stamp_all(cJSON *conditions, const ConditionStamp *stamp)
{
    cJSON *item = NULL;

    cJSON_ArrayForEach (item, conditions) {
        json_set_int(item, "observedGeneration", stamp->generation);
    }
}

void conditions_report(cJSON *conditions, Outcome outcome, const char *reason, const char *message,
                       const ConditionStamp *stamp)
{
    assert((size_t)outcome < ARRAY_SIZE(rows));
    const Row *row = &rows[outcome];
    const struct {
        const char *type;
        const Part *part;
    } parts[] = {{"Ready", &row->ready},
                 {"Reconciling", &row->reconciling},
                 {"Stalled", &row->stalled},
                 {"InSync", &row->in_sync}};

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        const Part *part = parts[i].part;
        const Condition condition = {.type = parts[i].type,
                                     .status = (ConditionStatus)part->status,
                                     .reason = part->reason != NULL ? part->reason : reason,
                                     .message = message};

        if (part->status == CONDITION_NONE)
            condition_remove(conditions, parts[i].type);
        else
            condition_set(conditions, &condition, stamp);
    }
    stamp_all(conditions, stamp);
}

Outcome outcome_of_error(ErrorKind kind)
{
    return error_is_terminal(kind) ? OUTCOME_STALLED : OUTCOME_RETRYING;
}

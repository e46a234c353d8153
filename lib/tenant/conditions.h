/* status.conditions of a Tenant: which rows an outcome stands for, and how they are merged.
 *
 * kstatus, `kubectl wait`, Helm 4, Flux and Argo CD all read them, each in its own way; the rows
 * below are those that all of them read right (docs/controller.md). Pure: the time is handed in. */
#ifndef CONDITIONS_H
#define CONDITIONS_H

#include "base.h"
#include "error.h"
#include "json.h"
#include "text.h"

/* How a pass over a Tenant ended.     Ready     Reconciling  Stalled  InSync                  */
typedef enum Outcome {
    OUTCOME_PROGRESSING, /*            Unknown   True         -        Unknown                 */
    OUTCOME_RETRYING,    /*            False     True         -        Unknown: waiting helps  */
    OUTCOME_STALLED,     /*            False     -            True     False: someone must act */
    OUTCOME_READY,       /*            True      -            -        True                    */
    OUTCOME_DRIFTED,     /*            False     -            -        False: mode Observe     */
    OUTCOME_SUSPENDED,   /*            Unknown   -            -        True: mode Suspend      */
    OUTCOME_DELETING,    /*            False     True         -        Unknown                 */
} Outcome;

typedef enum ConditionStatus {
    CONDITION_FALSE,
    CONDITION_TRUE,
    CONDITION_UNKNOWN,
} ConditionStatus;

typedef struct Condition {
    const char *type;
    ConditionStatus status;
    const char *reason;  /* CamelCase; one that the CRD would refuse becomes "Unknown" */
    const char *message; /* may be ""; cut at 32768 bytes */
} Condition;

/* What a merge writes beside the condition itself. */
typedef struct ConditionStamp {
    int64_t generation; /* of the object that was looked at */
    const char *now;    /* RFC 3339 */
} ConditionStamp;

/* Adds CONDITION to the array CONDITIONS or replaces the one of its type. lastTransitionTime moves
 * only if the status does. */
void condition_set(cJSON *conditions, const Condition *condition, const ConditionStamp *stamp);

/* A condition that would tell of trouble if it were True (Reconciling, Stalled, DataLossSuspected)
 * is taken away instead of set to False. */
void condition_remove(cJSON *conditions, const char *type);

/* The condition of TYPE, or NULL. CONDITIONS may be NULL. */
const cJSON *condition_find(const cJSON *conditions, const char *type);

/* Sets and removes Ready, Reconciling, Stalled and InSync as the outcome's row says, and stamps the
 * generation on the conditions of other types. REASON is used for OUTCOME_RETRYING and
 * OUTCOME_STALLED only, the others have one of their own; MESSAGE is shown in all. */
void conditions_report(cJSON *conditions, Outcome outcome, const char *reason, const char *message,
                       const ConditionStamp *stamp);

/* The outcome of a pass that failed: OUTCOME_STALLED for what waiting does not help, else
 * OUTCOME_RETRYING. The reason is error_reason(kind). */
Outcome outcome_of_error(ErrorKind kind);

#endif

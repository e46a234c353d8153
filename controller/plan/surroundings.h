/* What is known of a tenant beyond its own stream: who else reaches into its subjects, and what the
 * relays say of its rows. Pure. */
#ifndef SURROUNDINGS_H
#define SURROUNDINGS_H

#include "conditions.h"
#include "relay_report.h"
#include "tenant.h"

enum { INTRUDERS_SIZE = 512 };

typedef enum OutboxKnown {
    OUTBOX_UNKNOWN,    /* too early to tell: what the status says stays */
    OUTBOX_UNREPORTED, /* no relay reports                              */
    OUTBOX_REPORTED,
} OutboxKnown;

/* Of all databases together. */
typedef struct OutboxNumbers {
    int64_t pending;
    int64_t oldest_seconds;
    int64_t dead;
    char at[RELAY_AT_SIZE];
} OutboxNumbers;

typedef struct Surroundings {
    bool swept;                     /* every stream of the account was looked at */
    char intruders[INTRUDERS_SIZE]; /* streams that overlap or copy it, in words; "": none */
    OutboxKnown outbox_known;
    OutboxNumbers outbox;
} Surroundings;

#define STATUS_ISOLATED   "Isolated"
#define STATUS_DELIVERING "Delivering"

/* Writes status.outbox into STATUS, which has its other numbers already, and Isolated and
 * Delivering into CONDITIONS. Neither of the two touches Ready. */
void surroundings_report(const Surroundings *self, const Tenant *tenant, cJSON *status,
                         cJSON *conditions, const ConditionStamp *stamp);

#endif

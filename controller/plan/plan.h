/* What to do in JetStream for one tenant: a list of steps that can be read aloud. The same words
 * are the log line, the Event and what a test expects. Pure. */
#ifndef PLAN_H
#define PLAN_H

#include "base.h"
#include "tenant.h"
#include "text.h"

typedef enum StepType {
    STEP_STREAM_CREATE,
    STEP_STREAM_UPDATE,
    STEP_STREAM_DELETE,
    STEP_CONSUMER_CREATE,
    STEP_CONSUMER_UPDATE,
    STEP_CONSUMER_PAUSE,
    STEP_CONSUMER_DELETE,
} StepType;

typedef struct Step {
    StepType type;
    char consumer[CONSUMER_NAME_MAX + 1]; /* "" for a step on the stream */
    const cJSON *config;                  /* borrowed; NULL where there is nothing to send */
    char *why;                            /* owned; "" where the type says it all */
} Step;

enum { PLAN_STEPS_MAX = 4 * TENANT_CONSUMERS_MAX };

typedef struct Plan {
    Step *steps;
    size_t count;
} Plan;

void plan_done(Plan *plan);

/* WHY is copied. What is over PLAN_STEPS_MAX is left for the next pass. */
void plan_add(Plan *plan, StepType type, const char *consumer, const cJSON *config,
              const char *why);

/* "create stream", "update consumer billing: ackWait 30s -> 1m" */
void step_text(const Step *step, Text *text);

/* CamelCase for Events and metrics: "StreamCreated". */
const char *step_reason(StepType type);

/* All steps, joined by "; ". */
void plan_text(const Plan *plan, Text *text);

#endif

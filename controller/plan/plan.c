#include "plan.h"

#include "alloc.h"

static const struct {
    const char *verb;
    const char *reason;
} step_types[] = {
    [STEP_STREAM_CREATE] = {"create stream", "StreamCreated"},
    [STEP_STREAM_UPDATE] = {"update stream", "StreamUpdated"},
    [STEP_STREAM_DELETE] = {"delete stream", "StreamDeleted"},
    [STEP_CONSUMER_CREATE] = {"create consumer", "ConsumerCreated"},
    [STEP_CONSUMER_UPDATE] = {"update consumer", "ConsumerUpdated"},
    [STEP_CONSUMER_PAUSE] = {"pause or resume consumer", "ConsumerPaused"},
    [STEP_CONSUMER_DELETE] = {"delete consumer", "ConsumerDeleted"},
};

void plan_done(Plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free(plan->steps[i].why);
    free(plan->steps);
    *plan = (Plan){0};
}

void plan_add(Plan *plan, StepType type, const char *consumer, const cJSON *config, const char *why)
{
    if (plan->count == PLAN_STEPS_MAX)
        return;
    plan->steps = xrealloc(plan->steps, (plan->count + 1) * sizeof *plan->steps);

    Step *step = &plan->steps[plan->count++];
    *step = (Step){.type = type, .config = config, .why = xstrdup(why)};
    int length = snprintf(step->consumer, sizeof step->consumer, "%s", consumer);
    assert(length >= 0 && (size_t)length < sizeof step->consumer);
}

void step_text(const Step *step, Text *text)
{
    text_add(text, step_types[step->type].verb);
    if (step->consumer[0] != '\0')
        text_addf(text, " %s", step->consumer);
    if (step->why[0] != '\0')
        text_addf(text, ": %s", step->why);
}

const char *step_reason(StepType type)
{
    return step_types[type].reason;
}

void plan_text(const Plan *plan, Text *text)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (i > 0)
            text_add(text, "; ");
        step_text(&plan->steps[i], text);
    }
}

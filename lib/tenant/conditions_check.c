#include "conditions_check.h"

#include "conditions.h"

/* The conditions of one object, as the rules below look at them. */
typedef struct View {
    const cJSON *conditions;
    const char *ready; /* "" where the condition is missing */
    const char *reconciling;
    const char *stalled;
    const char *in_sync;
    const char *reason; /* of Ready */
    int64_t generation;
    int64_t observed;
} View;

static const char *status_of(const cJSON *conditions, const char *type)
{
    return json_text(condition_find(conditions, type), "status", "");
}

static bool ready_is_there(const View *view)
{
    return *view->ready != '\0';
}

static bool abnormal_ones_are_true_or_gone(const View *view)
{
    return (*view->reconciling == '\0' || text_eq(view->reconciling, "True")) &&
           (*view->stalled == '\0' || text_eq(view->stalled, "True"));
}

static bool not_both(const View *view)
{
    return *view->reconciling == '\0' || *view->stalled == '\0';
}

static bool ready_stands_alone(const View *view)
{
    return !text_eq(view->ready, "True") || (*view->reconciling == '\0' && *view->stalled == '\0');
}

static bool stalled_is_not_ready(const View *view)
{
    return *view->stalled == '\0' || text_eq(view->ready, "False");
}

static bool unknown_is_reconciling(const View *view)
{
    return !text_eq(view->ready, "Unknown") || *view->reconciling != '\0' ||
           text_eq(view->reason, "Suspended");
}

static bool ready_is_in_sync(const View *view)
{
    return !text_eq(view->ready, "True") || !text_eq(view->in_sync, "False");
}

static bool observed_is_not_ahead(const View *view)
{
    return view->observed <= view->generation;
}

static bool ready_has_observed(const View *view)
{
    return !text_eq(view->ready, "True") || view->observed == view->generation;
}

static bool each_is_not_ahead(const View *view)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, view->conditions) {
        if (json_int(item, "observedGeneration", INT64_MAX) > view->generation)
            return false;
    }
    return true;
}

static bool ready_holds_for_each(const View *view)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, view->conditions) {
        if (text_eq(view->ready, "True") &&
            json_int(item, "observedGeneration", -1) != view->observed)
            return false;
    }
    return true;
}

static bool each_has_its_members(const View *view)
{
    static const char *const members[] = {"type", "status", "reason", "lastTransitionTime"};
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, view->conditions) {
        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
            if (*json_text(item, members[i], "") == '\0')
                return false;
        }
        if (json_text(item, "message", NULL) == NULL)
            return false;
    }
    return true;
}

static bool each_type_is_there_once(const View *view)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, view->conditions) {
        if (condition_find(view->conditions, json_text(item, "type", "")) != item)
            return false;
    }
    return true;
}

static const struct {
    bool (*holds)(const View *view);
    const char *sentence;
} rules[] = {
    {ready_is_there, "Ready must always be there"},
    {abnormal_ones_are_true_or_gone, "Reconciling and Stalled must be True or taken away"},
    {not_both, "Reconciling and Stalled must not be there together"},
    {ready_stands_alone, "Ready must not be True beside Reconciling or Stalled"},
    {stalled_is_not_ready, "Ready must be False beside Stalled"},
    {unknown_is_reconciling, "Ready=Unknown must have Reconciling beside it, unless suspended"},
    {ready_is_in_sync, "Ready must not be True beside InSync=False"},
    {observed_is_not_ahead, "status.observedGeneration must not be above metadata.generation"},
    {ready_has_observed, "Ready must not be True before the generation was observed"},
    {each_is_not_ahead, "a condition's observedGeneration must be there, not above the generation"},
    {ready_holds_for_each, "with Ready=True each condition must speak of the same generation"},
    {each_has_its_members, "a condition must have type, status, reason, message and time"},
    {each_type_is_there_once, "a type must be there once"},
};

bool conditions_check(const cJSON *object, Text *findings)
{
    const cJSON *conditions = json_at(object, "status.conditions");
    const View view = {
        .conditions = conditions,
        .ready = status_of(conditions, "Ready"),
        .reconciling = status_of(conditions, "Reconciling"),
        .stalled = status_of(conditions, "Stalled"),
        .in_sync = status_of(conditions, "InSync"),
        .reason = json_text(condition_find(conditions, "Ready"), "reason", ""),
        .generation = json_int(object, "metadata.generation", 0),
        .observed = json_int(object, "status.observedGeneration", -1),
    };
    bool right = true;

    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        if (rules[i].holds(&view))
            continue;
        right = false;
        text_addf(findings, "%s\n", rules[i].sentence);
    }
    return right;
}

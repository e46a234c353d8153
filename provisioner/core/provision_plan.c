#include "provision_plan.h"

#include "applied_fields.h"
#include "event_history.h"
#include "tenant.h"

enum { HISTORY_BYTES_MAX = HISTORY_MAX * 80, RETRY_DELETING_S = 10 };

/* Server-side apply creates an object that is not there whatever resourceVersion the patch names,
 * and refuses with a conflict where one is there and has another: no object ever has this one
 * (docs/adr/0050). */
#define VERSION_OF_NOTHING "1"

static const char *const step_names[] = {
#define X(step, name) [step] = (name),
    PROVISION_STEPS(X)
#undef X
};

const char *provision_step_name(ProvisionStep step)
{
    assert((size_t)step < ARRAY_SIZE(step_names));
    return step_names[step];
}

void provision_plan_done(ProvisionPlan *plan)
{
    cJSON_Delete(plan->body);
    plan->body = NULL;
}

bool provision_creates(const Event *event)
{
    return event->kind == EVENT_CREATED;
}

/* The value of an annotation, or NULL; their names have dots, so that no path reaches them. */
static const char *annotation(const cJSON *object, const char *name)
{
    const cJSON *item =
        cJSON_GetObjectItemCaseSensitive(json_at(object, "metadata.annotations"), name);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* The plan that the event names, else the one that the Tenant had, else the default. */
static const char *plan_of(const Event *event, const cJSON *object)
{
    const char *recorded = annotation(object, PROVISION_ANNOTATION_PLAN);

    if (event->plan[0] != '\0')
        return event->plan;
    return recorded != NULL ? recorded : TEMPLATE_DEFAULT;
}

static int body_from_template(const Event *event, const ProvisionRules *rules, const char *plan,
                              cJSON **ret_body, Problem *retproblem)
{
    const Template *template = template_find(rules->templates, plan);
    const TemplateValues values = {
        .account = event->account,
        .plan = plan,
        .tenant = event->tenant,
        .root = event->root,
    };

    if (template == NULL)
        return problem_set(retproblem, PROBLEM_UNKNOWN_PLAN,
                           event->plan[0] != '\0' ? "there is no template for the plan '%.64s'"
                                                  : "the event must name a plan, since there is "
                                                    "no template for the plan '%.64s'",
                           plan);
    return template_expand(template, &values, ret_body, retproblem);
}

static cJSON *member_object(cJSON *parent, const char *name)
{
    cJSON *member = cJSON_GetObjectItemCaseSensitive(parent, name);

    if (cJSON_IsObject(member))
        return member;
    member = cJSON_CreateObject();
    json_set(parent, name, member);
    return member;
}

/* So that whoever acts on the Tenant can go on in the event's trace. */
static void trace_record(const Event *event, cJSON *annotations)
{
    char text[TRACEPARENT_SIZE];

    if (event->trace.trace[0] == '\0') {
        cJSON_DeleteItemFromObjectCaseSensitive(annotations, PROVISION_ANNOTATION_TRACE);
        return;
    }
    trace_context_write(&event->trace, text);
    json_set_text(annotations, PROVISION_ANNOTATION_TRACE, text);
}

/* What is handled is said in the same write that handles it. */
static void record_event(const Event *event, const char *plan, EventHistory *history, cJSON *body)
{
    DEFER(text_done) Text text = TEXT_MAX(HISTORY_BYTES_MAX);
    cJSON *metadata = member_object(body, "metadata");
    cJSON *annotations = member_object(metadata, "annotations");
    EventRecord record = event_record(event);

    event_history_add(history, &record);
    event_history_write(history, &text);
    json_set_text(annotations, PROVISION_ANNOTATION_ACCOUNT, event->account);
    json_set_text(annotations, PROVISION_ANNOTATION_PLAN, plan);
    json_set_text(annotations, PROVISION_ANNOTATION_EVENT, event->id);
    json_set_text(annotations, PROVISION_ANNOTATION_DIGEST, event->digest);
    json_set_text(annotations, PROVISION_ANNOTATION_HISTORY, text_get(&text));
    trace_record(event, annotations);
}

static void identify(cJSON *body, const char *name)
{
    json_set_text(body, "apiVersion", TENANT_API_VERSION);
    json_set_text(body, "kind", TENANT_KIND);
    json_set_text(member_object(body, "metadata"), "name", name);
}

static int plan_without(const Event *event, const ProvisionRules *rules, ProvisionPlan *ret_plan,
                        Problem *retproblem)
{
    const char *plan = plan_of(event, NULL);
    EventHistory history = {0};
    cJSON *body = NULL;

    switch (event->kind) {
    case EVENT_DELETED:
        *ret_plan = (ProvisionPlan){.step = PROVISION_ABSENT};
        return 0;
    case EVENT_SUSPENDED:
    case EVENT_RESUMED:
        return problem_set(retproblem, PROBLEM_NO_TENANT,
                           "the account has no Tenant; the event that creates it comes first");
    case EVENT_CREATED:
    case EVENT_UPDATED:
    case EVENT_UNKNOWN:
        break;
    }
    if (body_from_template(event, rules, plan, &body, retproblem) < 0)
        return -1;
    identify(body, event->tenant);
    json_set_text(member_object(body, "metadata"), "resourceVersion", VERSION_OF_NOTHING);
    record_event(event, plan, &history, body);
    *ret_plan = (ProvisionPlan){.step = PROVISION_CREATE, .body = body};
    return 0;
}

/* Which of what an event says is not overtaken by a later one. */
typedef struct News {
    bool content;
    bool state;
} News;

static News news_of(const EventHistory *history, const EventRecord *record)
{
    return (News){
        .content =
            event_says_content(record->kind) && event_history_content_is_new(history, record),
        .state = event_says_state(record->kind) && event_history_state_is_new(history, record),
    };
}

/* An event that meets a Tenant. */
typedef struct Meeting {
    const Event *event;
    const ProvisionRules *rules;
    const cJSON *object;
    EventHistory history; /* of the Tenant */
    News news;
} Meeting;

/* What the Tenant shall have from us after this event. */
static int desired_body(const Meeting *meeting, cJSON **ret_body, Problem *retproblem)
{
    const Event *event = meeting->event;
    const cJSON *object = meeting->object;
    const News news = meeting->news;
    DEFER(defer_json) cJSON *applied = applied_fields(object, meeting->rules->manager);
    bool held = text_eq(json_text(applied, "spec.mode", ""), "Suspend");
    cJSON *body = NULL;

    if (!news.content)
        body = TAKE(applied);
    else if (body_from_template(event, meeting->rules, plan_of(event, object), &body, retproblem) <
             0)
        return -1;
    if (news.state)
        held = event->kind == EVENT_SUSPENDED || event->kind == EVENT_DELETED;
    cJSON *spec = member_object(body, "spec");
    if (held)
        json_set_text(spec, "mode", "Suspend");
    else
        cJSON_DeleteItemFromObjectCaseSensitive(spec, "mode");
    *ret_body = body;
    return 0;
}

/* Only this very object in this very version; a uid also keeps one that is gone from being made
 * again. */
static void bind_to(cJSON *body, const cJSON *object)
{
    cJSON *metadata = member_object(body, "metadata");

    json_set_text(metadata, "uid", json_text(object, "metadata.uid", ""));
    json_set_text(metadata, "resourceVersion", json_text(object, "metadata.resourceVersion", ""));
}

/* An event that changes no content changes no plan, whatever it names. */
static const char *plan_recorded(const Meeting *meeting)
{
    const char *recorded = annotation(meeting->object, PROVISION_ANNOTATION_PLAN);

    return meeting->news.content || recorded == NULL ? plan_of(meeting->event, meeting->object)
                                                     : recorded;
}

static int plan_deletion(const Event *event, const cJSON *object, ProvisionPlan *ret_plan,
                         Problem *retproblem)
{
    if (annotation(object, PROVISION_ANNOTATION_ACCOUNT) == NULL)
        return problem_set(retproblem, PROBLEM_OTHER_ACCOUNT,
                           "the Tenant '%s' was not made by an event, so none deletes it",
                           event->tenant);
    *ret_plan = (ProvisionPlan){.step = PROVISION_DELETE};
    return 0;
}

/* A Tenant that is on its way out. */
static int plan_terminating(const Event *event, ProvisionPlan *ret_plan, Problem *retproblem)
{
    if (event->kind != EVENT_DELETED) {
        (void)problem_set(retproblem, PROBLEM_DELETING,
                          "the account's Tenant is being deleted; send the event again later");
        retproblem->retry_after_s = RETRY_DELETING_S;
        return -1;
    }
    *ret_plan = (ProvisionPlan){.step = PROVISION_ABSENT};
    return 0;
}

static int plan_change(Meeting *meeting, ProvisionPlan *ret_plan, Problem *retproblem)
{
    const Event *event = meeting->event;
    cJSON *body = NULL;

    if (!meeting->news.content && !meeting->news.state) {
        *ret_plan = (ProvisionPlan){.step = PROVISION_SUPERSEDED};
        return 0;
    }
    if (json_at(meeting->object, "metadata.deletionTimestamp") != NULL)
        return plan_terminating(event, ret_plan, retproblem);
    if (event->kind == EVENT_DELETED && meeting->rules->delete_tenants)
        return plan_deletion(event, meeting->object, ret_plan, retproblem);
    if (desired_body(meeting, &body, retproblem) < 0)
        return -1;
    identify(body, event->tenant);
    bind_to(body, meeting->object);
    record_event(event, plan_recorded(meeting), &meeting->history, body);
    *ret_plan = (ProvisionPlan){.step = PROVISION_APPLY, .body = body};
    return 0;
}

static int plan_with(const Event *event, const ProvisionRules *rules, const cJSON *object,
                     ProvisionPlan *ret_plan, Problem *retproblem)
{
    const char *account = annotation(object, PROVISION_ANNOTATION_ACCOUNT);
    const EventRecord record = event_record(event);
    Meeting meeting = {.event = event, .rules = rules, .object = object};

    if (account != NULL && !text_eq(account, event->account))
        return problem_set(retproblem, PROBLEM_OTHER_ACCOUNT,
                           "the Tenant '%s' belongs to another account", event->tenant);
    event_history_parse(annotation(object, PROVISION_ANNOTATION_HISTORY), &meeting.history);
    meeting.news = news_of(&meeting.history, &record);
    const EventRecord *before = event_history_find(&meeting.history, &record);
    if (before == NULL)
        return plan_change(&meeting, ret_plan, retproblem);
    if (!text_eq(before->digest, record.digest))
        return problem_set(retproblem, PROBLEM_ID_REUSED,
                           "an event with this id and another content was handled before");
    *ret_plan = (ProvisionPlan){.step = PROVISION_DUPLICATE};
    return 0;
}

int provision_plan(const Event *event, const ProvisionRules *rules, const cJSON *object,
                   ProvisionPlan *ret_plan, Problem *retproblem)
{
    assert(event->kind != EVENT_UNKNOWN);
    return object == NULL ? plan_without(event, rules, ret_plan, retproblem)
                          : plan_with(event, rules, object, ret_plan, retproblem);
}

int provision_sample(const Template *template, cJSON **ret_body, Problem *retproblem)
{
    static const char name[] = "bulkhead-template-check";
    const TemplateValues values = {
        .account = json_text(template->sample, "account", name),
        .plan = template->plan,
        .tenant = name,
        .root = template->sample,
    };
    cJSON *body = NULL;

    if (template_expand(template, &values, &body, retproblem) < 0)
        return -1;
    identify(body, name);
    *ret_body = body;
    return 0;
}

#include "account_event.h"

#include <strings.h>

#include "account_event_body.h"
#include "rfc3339.h"

enum { PATH_MAX_BYTES = 256, PART_MAX = 120 };

static const char *const kind_names[] = {
    [EVENT_CREATED] = "account.created",     [EVENT_UPDATED] = "account.updated",
    [EVENT_SUSPENDED] = "account.suspended", [EVENT_RESUMED] = "account.resumed",
    [EVENT_DELETED] = "account.deleted",     [EVENT_UNKNOWN] = "unknown",
};

const char *event_kind_name(EventKind kind)
{
    assert((size_t)kind < ARRAY_SIZE(kind_names));
    return kind_names[kind];
}

void event_done(Event *event)
{
    cJSON_Delete(event->root);
    event->root = NULL;
}

/* The next name of a comma-separated list into RET (of SIZE bytes), without spaces around it; NULL
 * at the end. What does not fit comes as "". */
static const char *list_next(const char *list, char *ret, size_t size)
{
    size_t length;

    if (*list == '\0')
        return NULL;
    list += strspn(list, " ");
    length = strcspn(list, ",");
    const char *rest = list + length + (list[length] == ',' ? 1 : 0);
    while (length > 0 && list[length - 1] == ' ')
        length--;
    (void)snprintf(ret, size, "%.*s", length < size ? (int)length : 0, list);
    return rest;
}

static bool path_valid(const char *path)
{
    while (*path != '\0') {
        size_t part = strcspn(path, ".");

        if (part == 0 || part > PART_MAX)
            return false;
        path += part;
        if (*path == '.' && *++path == '\0')
            return false;
    }
    return true;
}

bool event_fields_valid(const char *fields)
{
    char path[PATH_MAX_BYTES];

    for (const char *at = fields; (at = list_next(at, path, sizeof path)) != NULL;) {
        if (*path == '\0' || !path_valid(path))
            return false;
    }
    return *fields != '\0';
}

static EventKind kind_of(const EventRules *rules, const char *type)
{
    char name[EVENT_NAME_MAX + 1];

    for (int kind = 0; kind < EVENT_KINDS; kind++) {
        for (const char *at = rules->names[kind];
             (at = list_next(at, name, sizeof name)) != NULL;) {
            if (*name != '\0' && text_eq(name, type))
                return (EventKind)kind;
        }
    }
    return EVENT_UNKNOWN;
}

static int kind_names_check(const EventRules *rules, EventKind kind, Error *reterr)
{
    char name[EVENT_NAME_MAX + 1];

    for (const char *at = rules->names[kind]; (at = list_next(at, name, sizeof name)) != NULL;) {
        const EventKind meant = kind_of(rules, name);

        if (*name == '\0')
            return error_set(reterr, ERROR_INVALID, "%s: an event type must have 1 to %d bytes",
                             event_kind_name(kind), EVENT_NAME_MAX);
        if (meant != kind)
            return error_set(reterr, ERROR_INVALID,
                             "the event type '%.100s' cannot mean both %s and %s", name,
                             event_kind_name(meant), event_kind_name(kind));
    }
    return 0;
}

int event_names_check(const EventRules *rules, Error *reterr)
{
    for (int kind = 0; kind < EVENT_KINDS; kind++) {
        if (kind_names_check(rules, (EventKind)kind, reterr) < 0)
            return -1;
    }
    return 0;
}

/* A string, or a whole number as its digits, into RET; false where the field holds neither. */
static bool scalar_read(const cJSON *item, char *ret, size_t size)
{
    const int64_t exact_max = INT64_C(1) << 53;
    int64_t number = json_int(item, "", INT64_MIN);

    if (cJSON_IsString(item) && *item->valuestring != '\0')
        return snprintf(ret, size, "%s", item->valuestring) < (int)size;
    if (!cJSON_IsNumber(item) || number <= -exact_max || number >= exact_max)
        return false;
    return snprintf(ret, size, "%" PRId64, number) < (int)size;
}

/* The first of the FIELDS that is there; false where none is, or what is there does not fit. */
static bool field_read(const cJSON *root, const char *fields, char *ret, size_t size)
{
    char path[PATH_MAX_BYTES];

    for (const char *at = fields; (at = list_next(at, path, sizeof path)) != NULL;) {
        const cJSON *item = json_at(root, path);

        if (cJSON_IsString(item) || cJSON_IsNumber(item))
            return scalar_read(item, ret, size);
    }
    return false;
}

/* Whether one of the FIELDS holds anything, of use or not. */
static bool field_filled(const cJSON *root, const char *fields)
{
    char path[PATH_MAX_BYTES];

    for (const char *at = fields; (at = list_next(at, path, sizeof path)) != NULL;) {
        const cJSON *item = json_at(root, path);
        const bool empty = cJSON_IsString(item) && *item->valuestring == '\0';

        if (item != NULL && !cJSON_IsNull(item) && !empty)
            return true;
    }
    return false;
}

/* The part of BODY that is under the signature, where each of our forms has one: the headers of a
 * binary CloudEvent are not. */
static cJSON *signed_part(const EventBody *body)
{
    cJSON *part = cJSON_CreateObject();
    cJSON *data = cJSON_GetObjectItemCaseSensitive(body->root, "data");

    if (data != NULL)
        (void)cJSON_AddItemReferenceToObject(part, "data", data);
    return part;
}

static int type_read(const EventBody *body, const EventRules *rules, Event *event,
                     Problem *retproblem)
{
    const char *field = body->form == EVENT_BODY_PLAIN ? rules->type_field : "type";

    if (!field_read(body->root, field, event->type, sizeof event->type))
        return problem_set(retproblem, PROBLEM_MALFORMED_EVENT,
                           "the event must have a text of at most %d bytes in '%.80s'",
                           EVENT_NAME_MAX, field);
    event->kind = kind_of(rules, event->type);
    return 0;
}

/* RFC 3339, or seconds since 1970. */
static bool time_of(const cJSON *item, int64_t *ret_ms)
{
    const int64_t seconds_max = INT64_C(253402300799); /* the end of the year 9999 */

    if (cJSON_IsString(item))
        return rfc3339_parse(item->valuestring, ret_ms);
    int64_t seconds = json_int(item, "", -1);
    if (seconds < 0 || seconds > seconds_max)
        return false;
    *ret_ms = seconds * 1000;
    return true;
}

static const cJSON *time_item(const EventBody *body, const EventRules *rules)
{
    const char *fields = body->form == EVENT_BODY_PLAIN ? rules->time_fields : "time";
    const cJSON *item = NULL;
    char path[PATH_MAX_BYTES];

    for (const char *at = fields; item == NULL && (at = list_next(at, path, sizeof path)) != NULL;)
        item = json_at(body->root, path);
    return item;
}

static int time_read(const EventBody *body, const EventRules *rules, int64_t signed_ms,
                     Event *event, Problem *retproblem)
{
    const cJSON *item = time_item(body, rules);

    event->time_ms = signed_ms;
    if (item == NULL && signed_ms < 0)
        return problem_set(retproblem, PROBLEM_INCOMPLETE_EVENT,
                           "the event must say when it happened, since its signature does not: "
                           "want it in '%.80s'",
                           body->form == EVENT_BODY_PLAIN ? rules->time_fields : "time");
    if (item != NULL && !time_of(item, &event->time_ms))
        return problem_set(retproblem, PROBLEM_MALFORMED_EVENT,
                           "the event's time is neither RFC 3339 nor seconds since 1970");
    if (event->time_ms > rules->now_ms + rules->tolerance_ms)
        return problem_set(retproblem, PROBLEM_INCOMPLETE_EVENT,
                           "the event's time is in the future");
    if (event->time_ms < rules->now_ms - rules->max_age_ms)
        return problem_set(retproblem, PROBLEM_INCOMPLETE_EVENT,
                           "the event is older than %" PRId64 " hours",
                           rules->max_age_ms / 3600000);
    return 0;
}

/* An account that asked for a plan must not be given the default one instead; what holds it or ends
 * it needs none. */
static int plan_read(const cJSON *root, const EventRules *rules, Event *event, Problem *retproblem)
{
    const bool wanted = event->kind == EVENT_CREATED || event->kind == EVENT_UPDATED;

    if (field_read(root, rules->plan_fields, event->plan, sizeof event->plan))
        return 0;
    event->plan[0] = '\0';
    if (!wanted || !field_filled(root, rules->plan_fields))
        return 0;
    return problem_set(retproblem, PROBLEM_INCOMPLETE_EVENT,
                       "the plan must be a text of at most %d bytes, or a whole number, in one of "
                       "'%.120s'",
                       EVENT_PLAN_MAX, rules->plan_fields);
}

static int account_read(const EventBody *body, const EventRules *rules, Event *event,
                        Problem *retproblem)
{
    DEFER(defer_json) cJSON *part = body->form == EVENT_BODY_BINARY ? signed_part(body) : NULL;
    const cJSON *root = part != NULL ? part : body->root;

    if (!field_read(root, rules->account_fields, event->account, sizeof event->account) ||
        !account_id_valid(event->account))
        return problem_set(retproblem, PROBLEM_INCOMPLETE_EVENT,
                           "the event must name the account: want 1 to %d bytes of text, without "
                           "control characters, in one of '%.120s'",
                           ACCOUNT_ID_MAX, rules->account_fields);
    account_name(event->account, event->tenant);
    return plan_read(root, rules, event, retproblem);
}

/* The headers of a binary CloudEvent are under no signature. Where the signature has an id in it,
 * this id can stand for one set of them alone; elsewhere one signed body could be given any type
 * and time. */
static int form_check(const EventBody *body, const EventRules *rules, Problem *retproblem)
{
    if (body->form != EVENT_BODY_BINARY || rules->form == SIGNATURE_STANDARD)
        return 0;
    return problem_set(retproblem, PROBLEM_MEDIA_TYPE,
                       "the headers of a binary CloudEvent are not under a signature of this "
                       "form: send it structured");
}

/* The id that the sender signed, if any; else that of the content, which is signed always. */
static int id_read(const EventBody *body, const EventInput *input, const EventRules *rules,
                   Event *event, Problem *retproblem)
{
    char id[EVENT_NAME_MAX + 1];

    if (body->form == EVENT_BODY_STRUCTURED) {
        char source[EVENT_NAME_MAX + 1];

        if (!field_read(body->root, "source", source, sizeof source) ||
            !field_read(body->root, "id", id, sizeof id))
            return problem_set(retproblem, PROBLEM_MALFORMED_EVENT,
                               "a CloudEvent must have source and id, of at most %d bytes each",
                               EVENT_NAME_MAX);
        (void)snprintf(event->id, sizeof event->id, "%s %s", source, id);
    } else if (rules->form == SIGNATURE_STANDARD) {
        (void)snprintf(event->id, sizeof event->id, "%s", input->webhook_id);
    } else if (rules->form == SIGNATURE_STRIPE && field_read(body->root, "id", id, sizeof id)) {
        (void)snprintf(event->id, sizeof event->id, "%s", id);
    } else {
        (void)snprintf(event->id, sizeof event->id, "sha256:%s", event->digest);
    }
    return 0;
}

/* A CloudEvent's own says where the event began, the header where its delivery did. What is no
 * traceparent is as good as none. */
static void trace_read(const EventBody *body, const EventInput *input, Event *event)
{
    const char *own = NULL;

    if (body->form == EVENT_BODY_STRUCTURED)
        own = json_text(body->root, "traceparent", NULL);
    else if (body->form == EVENT_BODY_BINARY)
        own = input->ce_traceparent;
    if (own == NULL)
        own = input->traceparent != NULL ? input->traceparent : "";
    (void)trace_context_parse(own, &event->trace);
}

int event_parse(const EventInput *input, const EventRules *rules, Event *ret_event,
                Problem *retproblem)
{
    DEFER(event_body_done) EventBody body = {0};
    Event event = {.kind = EVENT_UNKNOWN};

    if (event_body_parse(input, &body, retproblem) < 0 ||
        form_check(&body, rules, retproblem) < 0 || type_read(&body, rules, &event, retproblem) < 0)
        return -1;
    memcpy(event.digest, body.digest, sizeof event.digest);
    trace_read(&body, input, &event);
    if (id_read(&body, input, rules, &event, retproblem) < 0)
        return -1;
    if (event.kind != EVENT_UNKNOWN &&
        (time_read(&body, rules, input->signed_ms, &event, retproblem) < 0 ||
         account_read(&body, rules, &event, retproblem) < 0))
        return -1;
    event.root = TAKE(body.root);
    *ret_event = event;
    return 0;
}

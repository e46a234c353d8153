#include "visit.h"

#include "alloc.h"
#include "clock.h"
#include "tenant_state.h"

enum { ANSWER_BYTES_MAX = 64 * 1024, LOCATION_SIZE = sizeof VISIT_PATH + 1 + TENANT_ID_MAX };

Visit *visit_new(HttpRequest *request, int64_t now_us)
{
    Visit *visit = xcalloc(1, sizeof *visit);

    visit->request = request;
    visit->began_us = now_us;
    visit->outcome = "broken";
    (void)snprintf(visit->id, sizeof visit->id, "%08x%08x", random_u32(), random_u32());
    return visit;
}

void visit_free(Visit *visit)
{
    event_done(&visit->event);
    problem_done(&visit->problem);
    free(visit);
}

static void answer_begin(const Visit *visit, unsigned code, HttpAnswer *ret_answer)
{
    *ret_answer = (HttpAnswer){.code = code, .body = TEXT_MAX(ANSWER_BYTES_MAX)};
    http_answer_add(ret_answer, "X-Request-Id", visit->id);
    http_answer_add(ret_answer, "Cache-Control", "no-store");
}

static void answer_location(const Visit *visit, HttpAnswer *answer)
{
    char location[LOCATION_SIZE];

    (void)snprintf(location, sizeof location, VISIT_PATH "/%s", visit->tenant);
    http_answer_add(answer, "Location", location);
}

void visit_answer_problem(Visit *visit, Problem *problem, HttpAnswer *ret_answer)
{
    DEFER(defer_free) char *body = problem_body(problem, visit->id);

    answer_begin(visit, problem_code(problem->kind), ret_answer);
    ret_answer->type = "application/problem+json";
    text_add(&ret_answer->body, body);
    if (problem->retry_after_s > 0) {
        char seconds[24];

        (void)snprintf(seconds, sizeof seconds, "%" PRId64, problem->retry_after_s);
        http_answer_add(ret_answer, "Retry-After", seconds);
    }
    if (problem->kind == PROBLEM_METHOD)
        http_answer_add(ret_answer, "Allow", problem->log_note);
    visit->outcome = problem_name(problem->kind);
    (void)snprintf(visit->note, sizeof visit->note, "%s",
                   problem->log_note[0] != '\0' ? problem->log_note : problem->detail);
    problem_done(problem);
}

/* The same for each delivery of an event, whatever became of the Tenant meanwhile. */
static void accepted_body(const Visit *visit, Text *text)
{
    DEFER(defer_json) cJSON *body = cJSON_CreateObject();
    char location[LOCATION_SIZE];

    (void)snprintf(location, sizeof location, VISIT_PATH "/%s", visit->tenant);
    json_set_text(body, "id", visit->tenant);
    json_set_text(body, "account", visit->event.account);
    json_set_text(body, "event", visit->event.id);
    json_set_text(body, "status", location);
    DEFER(defer_free) char *printed = json_print(body);
    text_add(text, printed);
}

void visit_answer_accepted(Visit *visit, const cJSON *object, HttpAnswer *ret_answer)
{
    DEFER(defer_free) char *report = object != NULL ? tenant_report_body(object) : NULL;

    answer_begin(visit, 202, ret_answer);
    answer_location(visit, ret_answer);
    ret_answer->type = "application/json";
    if (report != NULL)
        text_add(&ret_answer->body, report);
    else
        accepted_body(visit, &ret_answer->body);
    visit->outcome = provision_step_name(visit->step);
}

void visit_answer_state(Visit *visit, const cJSON *object, HttpAnswer *ret_answer)
{
    DEFER(defer_free) char *report = object != NULL ? tenant_report_body(object) : NULL;

    answer_begin(visit, 200, ret_answer);
    ret_answer->type = "application/json";
    if (report != NULL)
        text_add(&ret_answer->body, report);
    else
        text_addf(&ret_answer->body,
                  "{\"id\":\"%s\",\"state\":\"Deleted\",\"reason\":\"Deleted\",\"message\":\"\"}",
                  visit->tenant);
    visit->outcome = visit->route == VISIT_EVENT ? provision_step_name(visit->step) : "status";
}

void visit_answer_ignored(Visit *visit, HttpAnswer *ret_answer)
{
    answer_begin(visit, 204, ret_answer);
    visit->outcome = "ignored";
}

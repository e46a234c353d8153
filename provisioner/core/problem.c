#include "problem.h"

static const struct {
    unsigned code;
    const char *name;
    const char *title;
} kinds[] = {
#define X(kind, code, name, title) [kind] = {code, name, title},
    PROBLEMS(X)
#undef X
};

void problem_fill(Problem *retproblem, ProblemKind kind, const char *format, ...)
{
    va_list args;

    *retproblem = (Problem){.kind = kind};
    va_start(args, format);
    (void)vsnprintf(retproblem->detail, sizeof retproblem->detail, format, args);
    va_end(args);
}

void problem_done(Problem *problem)
{
    cJSON_Delete(problem->fields);
    problem->fields = NULL;
}

unsigned problem_code(ProblemKind kind)
{
    assert((size_t)kind < ARRAY_SIZE(kinds));
    return kinds[kind].code;
}

const char *problem_name(ProblemKind kind)
{
    assert((size_t)kind < ARRAY_SIZE(kinds));
    return kinds[kind].name;
}

char *problem_body(const Problem *problem, const char *request_id)
{
    DEFER(defer_json) cJSON *body = cJSON_CreateObject();
    char type[96];

    (void)snprintf(type, sizeof type, "urn:bulkhead:problem:%s", problem_name(problem->kind));
    json_set_text(body, "type", type);
    json_set_text(body, "title", kinds[problem->kind].title);
    json_set_int(body, "status", problem_code(problem->kind));
    json_set_text(body, "detail", problem->detail);
    if (problem->fields != NULL)
        json_set(body, "fields", cJSON_Duplicate(problem->fields, true));
    json_set_text(body, "request", request_id);
    return json_print(body);
}

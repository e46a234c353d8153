#include "api_refusal.h"

#include "kube_status.h"
#include "text.h"

enum { RETRY_AFTER_S = 5, FIELDS_MAX = 64, MESSAGE_MAX = 400 };

void api_unavailable(const char *why, Problem *retproblem)
{
    problem_fill(retproblem, PROBLEM_UNAVAILABLE, "the event was not handled; send it again later");
    (void)snprintf(retproblem->log_note, sizeof retproblem->log_note, "%s", why);
    retproblem->retry_after_s = RETRY_AFTER_S;
}

/* `conflict with "argocd-controller" using ...` -> `argocd-controller` */
static void owner_read(const char *message, char *ret, size_t size)
{
    const char *quote = strchr(message, '"');
    size_t length = quote != NULL ? strcspn(quote + 1, "\"") : 0;

    (void)snprintf(ret, size, "%.*s", length < size ? (int)length : 0,
                   quote != NULL ? quote + 1 : "");
}

static bool is_cause(const cJSON *cause, const char *reason)
{
    return text_eq(json_text(cause, "reason", ""), reason);
}

static int fields_owned(const cJSON *status, Problem *retproblem)
{
    cJSON *fields = cJSON_CreateArray();
    const cJSON *cause = NULL;

    cJSON_ArrayForEach (cause, json_at(status, "details.causes")) {
        char owner[128];
        cJSON *field = cJSON_CreateObject();

        owner_read(json_text(cause, "message", ""), owner, sizeof owner);
        json_set_text(field, "field", json_text(cause, "field", ""));
        json_set_text(field, "owner", owner);
        (void)cJSON_AddItemToArray(fields, field);
        if (cJSON_GetArraySize(fields) == FIELDS_MAX)
            break;
    }
    problem_fill(retproblem, PROBLEM_FIELDS_OWNED,
                 "%d field(s) of the Tenant are kept by someone else, with other values; nothing "
                 "was changed",
                 cJSON_GetArraySize(fields));
    retproblem->fields = fields;
    return -1;
}

/* The causes' fields and messages in a row. */
static int refused(const cJSON *status, Problem *retproblem)
{
    DEFER(text_done) Text text = TEXT_MAX(MESSAGE_MAX);
    const cJSON *cause = NULL;

    cJSON_ArrayForEach (cause, json_at(status, "details.causes")) {
        text_addf(&text, "%s%s: %s", text.length > 0 ? "; " : "", json_text(cause, "field", ""),
                  json_text(cause, "message", ""));
    }
    if (text.length == 0)
        text_addf(&text, "%.300s", json_text(status, "message", "no reason given"));
    return problem_set(retproblem, PROBLEM_REFUSED, "%s", text_get(&text));
}

/* A value of another type than the schema's is a 500 to server-side apply. */
static bool is_wrong_type(const cJSON *status)
{
    return strstr(json_text(status, "message", ""), "typed patch object") != NULL;
}

/* The object was deleted and made again since it was looked at. */
static bool is_other_object(const cJSON *status)
{
    const cJSON *cause = NULL;

    cJSON_ArrayForEach (cause, json_at(status, "details.causes")) {
        if (text_eq(json_text(cause, "field", ""), "metadata.uid"))
            return true;
    }
    return false;
}

int api_refusal_read(int64_t http_code, const cJSON *status, Problem *retproblem)
{
    const cJSON *causes = json_at(status, "details.causes");
    Error error = {.text = ""};

    if (http_code == 409 && causes != NULL && is_cause(causes->child, "FieldManagerConflict"))
        return fields_owned(status, retproblem);
    if (http_code == 409 || is_other_object(status))
        return 0;
    if (http_code == 400 || http_code == 413 || http_code == 422 || is_wrong_type(status))
        return refused(status, retproblem);
    if (kube_status_read(http_code, status, &error) == 0)
        (void)snprintf(error.text, sizeof error.text, "the API server's answer is not JSON");
    api_unavailable(error.text, retproblem);
    return -1;
}

#include "kube_status.h"

ErrorKind kube_status_kind(int64_t http_code)
{
    if (http_code == 0 || http_code == 408 || http_code == 429)
        return ERROR_BUSY;
    if (http_code == 507)
        return ERROR_LIMIT;
    if (http_code >= 500)
        return ERROR_BUSY;
    switch (http_code) {
    case 400:
    case 422:
        return ERROR_INVALID;
    case 401:
    case 403:
        return ERROR_DENIED;
    case 404:
        return ERROR_NOT_FOUND;
    case 409:
        return ERROR_CONFLICT;
    case 410:
        return ERROR_EXPIRED;
    default:
        return ERROR_REFUSED;
    }
}

/* What an administrator can do about an answer that carries no words of its own. */
static const char *usual_message(int64_t http_code)
{
    switch (http_code) {
    case 401:
        return "the API server does not accept our credentials";
    case 403:
        return "our account may not do this; check its role";
    case 404:
        return "not found";
    case 429:
        return "the API server asks us to come back later";
    default:
        return "no reason given";
    }
}

int kube_status_read(int64_t http_code, const cJSON *body, Error *reterr)
{
    const char *message = json_text(body, "message", "");

    if (http_code >= 200 && http_code < 300)
        return 0;
    if (*message == '\0' || http_code == 401) /* with that, the server says "Unauthorized" alone */
        message = usual_message(http_code);
    return error_set(reterr, kube_status_kind(http_code), "%.400s (HTTP %" PRId64 "%s%.40s)",
                     message, http_code, *json_text(body, "reason", "") != '\0' ? " " : "",
                     json_text(body, "reason", ""));
}

int kube_status_read_of(const KubeResource *resource, int64_t http_code, const cJSON *body,
                        Error *reterr)
{
    if (http_code == 404 && *json_text(body, "details.name", "") == '\0')
        return error_set(reterr, ERROR_REFUSED,
                         "the API server does not know %s of %s%s%s; is the CRD installed?",
                         resource->plural, resource->group, *resource->group != '\0' ? "/" : "",
                         resource->version);
    return kube_status_read(http_code, body, reterr);
}

bool kube_status_expired(int64_t http_code, const cJSON *status)
{
    const char *reason = json_text(status, "reason", "");

    return http_code == 410 || json_int(status, "code", 0) == 410 || text_eq(reason, "Expired") ||
           text_eq(reason, "Gone");
}

bool kube_status_version_ahead(const cJSON *status)
{
    const cJSON *cause = NULL;

    cJSON_ArrayForEach (cause, json_at(status, "details.causes")) {
        if (text_eq(json_text(cause, "reason", ""), "ResourceVersionTooLarge"))
            return true;
    }
    return strstr(json_text(status, "message", ""), "Too large resource version") != NULL;
}

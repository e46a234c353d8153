/* What can be wrong with a request, as the client is told: RFC 9457, application/problem+json.
 *
 * The row decides the status code and the name that log and metrics show; the detail is a sentence
 * for whoever runs the client. Neither holds anything secret. Pure. */
#ifndef PROBLEM_H
#define PROBLEM_H

#include "error.h"
#include "json.h"

/*        kind                    code  name                      title */
#define PROBLEMS(X)                                                                                \
    X(PROBLEM_NOT_FOUND, 404, "not-found", "There is nothing at this path")                        \
    X(PROBLEM_METHOD, 405, "method-not-allowed", "This method is not answered here")               \
    X(PROBLEM_BODY_TOO_LARGE, 413, "body-too-large", "The body is too large")                      \
    X(PROBLEM_MEDIA_TYPE, 415, "unsupported-media-type", "The body's form is not supported")       \
    X(PROBLEM_RATE, 429, "too-many-requests", "Too many requests from this source")                \
    X(PROBLEM_HEAD_TOO_LARGE, 431, "head-too-large", "The headers are too large")                  \
    X(PROBLEM_QUERY, 400, "invalid-query", "The query is not valid")                               \
    X(PROBLEM_NO_SIGNATURE, 401, "missing-signature", "The request is not signed")                 \
    X(PROBLEM_MALFORMED_SIGNATURE, 400, "malformed-signature", "The signature cannot be read")     \
    X(PROBLEM_BAD_SIGNATURE, 401, "bad-signature", "The signature does not match")                 \
    X(PROBLEM_STALE, 401, "stale-timestamp", "The signature is too old or from the future")        \
    X(PROBLEM_MALFORMED_EVENT, 400, "malformed-event", "The event cannot be read")                 \
    X(PROBLEM_UNKNOWN_EVENT, 422, "unknown-event", "The event's type is not known here")           \
    X(PROBLEM_INCOMPLETE_EVENT, 422, "incomplete-event", "The event lacks something")              \
    X(PROBLEM_UNKNOWN_PLAN, 422, "unknown-plan", "There is no template for the event's plan")      \
    X(PROBLEM_REFUSED, 422, "refused", "Kubernetes refuses the Tenant that the event makes")       \
    X(PROBLEM_NO_TENANT, 404, "no-such-tenant", "The account has no Tenant")                       \
    X(PROBLEM_ID_REUSED, 409, "event-id-reused", "Another event came under this id")               \
    X(PROBLEM_OTHER_ACCOUNT, 409, "other-account", "The Tenant belongs to another account")        \
    X(PROBLEM_FIELDS_OWNED, 409, "fields-owned", "Someone else owns fields of the Tenant")         \
    X(PROBLEM_DELETING, 409, "being-deleted", "The account's Tenant is being deleted")             \
    X(PROBLEM_OVERLOADED, 503, "overloaded", "Too many requests at once")                          \
    X(PROBLEM_UNAVAILABLE, 503, "unavailable", "Kubernetes cannot be asked now")

typedef enum ProblemKind {
#define X(kind, code, name, title) kind,
    PROBLEMS(X)
#undef X
} ProblemKind;

/* Written only by a function that returns -1, as an Error is. */
typedef struct Problem {
    ProblemKind kind;
    char detail[ERROR_TEXT_MAX];
    char log_note[ERROR_TEXT_MAX]; /* for the log alone: what an outsider need not know     */
    cJSON *fields;                 /* NULL, or an array that names fields of the Tenant     */
    int64_t retry_after_s;         /* 0: nothing is said                                    */
} Problem;

/* Sets *retproblem; its value is -1. */
#define problem_set(retproblem, kind, ...) (problem_fill((retproblem), (kind), __VA_ARGS__), -1)

void problem_fill(Problem *retproblem, ProblemKind kind, const char *format, ...) PRINTF_LIKE(3, 4);
void problem_done(Problem *problem);

unsigned problem_code(ProblemKind kind);
const char *problem_name(ProblemKind kind);

/* The body of the answer; REQUEST_ID is what the log calls the request. The caller frees it. */
char *problem_body(const Problem *problem, const char *request_id)
    __attribute__((__returns_nonnull__));

#endif

/* One request on its way through the endpoint, the queue and the workers: one owner at a time. */
#ifndef VISIT_H
#define VISIT_H

#include "account_event.h"
#include "http_server.h"
#include "provision_plan.h"
#include "source_address.h"

enum { VISIT_ID_SIZE = 17 };

typedef enum VisitRoute {
    VISIT_OTHER, /* refused before anyone looked what it wants */
    VISIT_EVENT,
    VISIT_STATUS,
    VISIT_HANDSHAKE,
} VisitRoute;

typedef struct Visit {
    HttpRequest *request;
    VisitRoute route;
    char id[VISIT_ID_SIZE]; /* X-Request-Id, and in the log */
    char source[SOURCE_SIZE];
    char tenant[TENANT_ID_MAX + 1]; /* "" until it is known */
    int64_t began_us;
    bool traced; /* visit_trace_begin() */
    char trace_parent[SPAN_ID_SIZE];
    Event event;  /* of VISIT_EVENT, once the signature is verified */
    bool refused; /* PROBLEM is the answer; the body is still to be read */
    Problem problem;

    /* of the workers: */
    bool handled; /* the event is; what is left is to wait */
    ProvisionStep step;
    int64_t wait_until_ms; /* 0: the answer waits for nothing */
    int64_t due_ms;        /* of the next look */
    unsigned looks;
    struct Visit *next;

    /* of the audit line: */
    const char *outcome; /* constant */
    char note[ERROR_TEXT_MAX];
} Visit;

/* What the address bar would show: "POST /v1/tenants" and so on. */
#define VISIT_PATH "/v1/tenants"

Visit *visit_new(HttpRequest *request, int64_t now_us) __attribute__((__returns_nonnull__));
void visit_free(Visit *visit);

/* Each fills the answer, and what the audit line says of it. */
void visit_answer_problem(Visit *visit, Problem *problem, HttpAnswer *ret_answer);
void visit_answer_accepted(Visit *visit, const cJSON *object, HttpAnswer *ret_answer);
void visit_answer_state(Visit *visit, const cJSON *object, HttpAnswer *ret_answer);
void visit_answer_ignored(Visit *visit, HttpAnswer *ret_answer);

#endif

/* An event of the account system: from the bytes of a request whose signature was verified.
 *
 * The body is either the event itself ({"type", "timestamp", "data"}), a CloudEvent ("structured"),
 * or the data of a CloudEvent whose attributes are headers ("binary"). Pure: the time is handed in.
 */
#ifndef ACCOUNT_EVENT_H
#define ACCOUNT_EVENT_H

#include "account_name.h"
#include "digest.h"
#include "json.h"
#include "problem.h"
#include "signature.h"
#include "trace_context.h"

enum { EVENT_ID_MAX = 640, EVENT_PLAN_MAX = 64, EVENT_NAME_MAX = 256 };

typedef enum EventKind {
    EVENT_CREATED,
    EVENT_UPDATED,
    EVENT_SUSPENDED,
    EVENT_RESUMED,
    EVENT_DELETED,
    EVENT_KINDS,
    EVENT_UNKNOWN = EVENT_KINDS,
} EventKind;

/* Lists are separated by commas. A field is a path into the event: "data.account.id". */
typedef struct EventRules {
    SignatureForm form;
    const char *names[EVENT_KINDS]; /* the types that mean this kind                      */
    const char *type_field;         /* not of a CloudEvent, which has its own             */
    const char *time_fields;        /* likewise; the first that is there counts           */
    const char *account_fields;     /* likewise, for every event                          */
    const char *plan_fields;
    int64_t now_ms;
    int64_t tolerance_ms; /* of an event from the future */
    int64_t max_age_ms;
} EventRules;

/* Headers are NULL where the request has none. */
typedef struct EventInput {
    const char *content_type;
    const char *content_encoding;
    const char *webhook_id;
    const char *traceparent;
    const char *ce_specversion; /* NULL: no CloudEvent in binary form */
    const char *ce_id;
    const char *ce_source;
    const char *ce_type;
    const char *ce_time;
    const char *ce_subject;
    const char *ce_traceparent;
    int64_t signed_ms; /* signature_verify(); -1: the signature has no time */
    const char *body;
    size_t length;
} EventInput;

typedef struct Event {
    EventKind kind;
    char type[EVENT_NAME_MAX + 1];
    char id[EVENT_ID_MAX + 1]; /* of the event, the same in each delivery, under the signature */
    char account[ACCOUNT_ID_MAX + 1]; /* "" for EVENT_UNKNOWN      */
    char tenant[TENANT_ID_MAX + 1];   /* "" for EVENT_UNKNOWN      */
    char plan[EVENT_PLAN_MAX + 1];    /* "" where none is named    */
    char digest[DIGEST_TEXT_SIZE];    /* of the body, and of attributes in headers */
    TraceContext trace;               /* without a trace where none came */
    int64_t time_ms;                  /* when it happened; orders the events of an account */
    cJSON *root;                      /* what templates read: attributes and data */
} Event;

/* *ret_event is the caller's (event_done). An event of another type than the rules name is
 * EVENT_UNKNOWN and no problem. */
int event_parse(const EventInput *input, const EventRules *rules, Event *ret_event,
                Problem *retproblem) MUST_CHECK;
void event_done(Event *event);

/* "account.created" and so on, as our manual calls the kinds. */
const char *event_kind_name(EventKind kind);

/* ERROR_INVALID if a type of the RULES' lists means two kinds, or is longer than a type can be. */
int event_names_check(const EventRules *rules, Error *reterr) MUST_CHECK;

/* Whether each path of the comma-separated FIELDS can be looked up. */
bool event_fields_valid(const char *fields);

#endif

/* The body of a request as one JSON object with the event's attributes and data, whatever form it
 * came in. For account_event.c. Pure. */
#ifndef ACCOUNT_EVENT_BODY_H
#define ACCOUNT_EVENT_BODY_H

#include "account_event.h"
#include "digest.h"

typedef enum EventBodyForm {
    EVENT_BODY_PLAIN,
    EVENT_BODY_STRUCTURED, /* a CloudEvent */
    EVENT_BODY_BINARY,     /* a CloudEvent's data, its attributes in headers */
} EventBodyForm;

typedef struct EventBody {
    EventBodyForm form;
    cJSON *root; /* an object */
    char digest[DIGEST_TEXT_SIZE];
} EventBody;

int event_body_parse(const EventInput *input, EventBody *ret_body, Problem *retproblem) MUST_CHECK;
void event_body_done(EventBody *body);

#endif

/* One line of a watch: what happened to which object. Pure. */
#ifndef WATCH_EVENTS_H
#define WATCH_EVENTS_H

#include "error.h"
#include "json.h"

typedef enum WatchEventType {
    WATCH_EVENT_ADDED,
    WATCH_EVENT_MODIFIED,
    WATCH_EVENT_DELETED,
    WATCH_EVENT_BOOKMARK,
    WATCH_EVENT_ERROR, /* the object is a Status */
} WatchEventType;

typedef struct WatchEvent {
    WatchEventType type;
    cJSON *object;
    const char *version; /* the object's resourceVersion, "" for an error; borrowed from it */
    bool initial_end;    /* a bookmark: the initial events are complete */
} WatchEvent;

/* ERROR_INVALID for what is no such line. managedFields are dropped: they can be more than half
 * of an object, and nobody here reads them. */
int watch_event_parse(const char *line, size_t length, WatchEvent *ret_event, Error *reterr)
    MUST_CHECK;
void watch_event_done(WatchEvent *event);

/* The same for an object of a list. */
void watch_drop_managed_fields(cJSON *object);

#endif

/* The last events of an account, kept in an annotation of its Tenant: the API server is what
 * remembers which event was handled, over restarts and for every replica alike.
 *
 * Events may come late. One of them says what the Tenant is made of (created, updated), the others
 * whether it is held (suspended, resumed, deleted; created says both); a late one counts unless a
 * later one has spoken of the same. Pure. */
#ifndef EVENT_HISTORY_H
#define EVENT_HISTORY_H

#include "account_event.h"
#include "text.h"

enum { HISTORY_MAX = 16, HISTORY_ID_SIZE = 17, HISTORY_DIGEST_SIZE = 33 };

/* "<16 digits of the id's digest>:<32 of the content's>:<kind><time>" in the annotation. */
typedef struct EventRecord {
    EventKind kind;
    char id[HISTORY_ID_SIZE];
    char digest[HISTORY_DIGEST_SIZE];
    int64_t time_ms;
} EventRecord;

typedef struct EventHistory {
    EventRecord
        records[HISTORY_MAX]; /* the oldest first, in the order in which they were handled */
    size_t count;
} EventHistory;

EventRecord event_record(const Event *event);

/* What cannot be read is left out. TEXT may be NULL. */
void event_history_parse(const char *text, EventHistory *ret_history);

/* The record with the same id, or NULL. */
const EventRecord *event_history_find(const EventHistory *history, const EventRecord *record);

/* Whether events of this kind speak of it. */
bool event_says_content(EventKind kind);
bool event_says_state(EventKind kind);

/* True if none of those that speak of it is later than RECORD. */
bool event_history_content_is_new(const EventHistory *history, const EventRecord *record);
bool event_history_state_is_new(const EventHistory *history, const EventRecord *record);

/* Puts RECORD behind the others; the first goes if there are too many. */
void event_history_add(EventHistory *history, const EventRecord *record);
void event_history_write(const EventHistory *history, Text *text);

#endif

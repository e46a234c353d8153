/* What an event from NATS changes: the row it answers, the lane it is about, log and metrics. */
#ifndef EVENT_H
#define EVENT_H

#include "flight.h"
#include "sink.h"

enum { NOTES_MAX = 16 };

/* Words to be written beside a tenant's first row, for people who look there. */
typedef struct Note {
    char tenant[TENANT_ID_MAX + 1];
    char why[LANE_WHY_MAX];
} Note;

typedef struct Notes {
    Note at[NOTES_MAX];
    size_t count;
} Notes;

void event_apply(const SinkEvent *event, Lanes *lanes, Flight *flight, Notes *notes);

/* Time passed: rows whose answer is overdue are given up. COMPLAINT: what the server refused last,
 * which may be why; or "". */
void event_time(Flight *flight, const char *complaint);

#endif

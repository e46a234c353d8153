/* What an event from NATS changes: the row it answers, the lane it is about, log and metrics. */
#ifndef EVENT_H
#define EVENT_H

#include "flight.h"
#include "metrics.h"
#include "sink.h"

enum { NOTES_MAX = 16, COUNTED_MAX = 256 };

/* Words to be written beside a tenant's first row, for people who look there. */
typedef struct Note {
    char tenant[TENANT_ID_MAX + 1];
    char why[LANE_WHY_MAX];
} Note;

typedef struct Notes {
    Note at[NOTES_MAX];
    size_t count;
} Notes;

/* Answers that the metrics do not show yet: counting each by itself would cost more than reading
 * it.
 */
typedef struct Tally {
    Lane *counted[COUNTED_MAX]; /* lanes with an uncounted row */
    size_t count;
    MetricTally ack_seconds;
    MetricTally end_to_end_seconds;
} Tally;

void event_apply(const SinkEvent *event, Lanes *lanes, Flight *flight, Notes *notes, Tally *tally);

/* LANE waits for the first answer about its stream, and has asked more than once. */
void event_unanswered(Lane *lane, Notes *notes);

/* Hands TALLY over to the metrics. To be called before a lane can be forgotten. */
void event_count(Tally *tally);

/* Time passed: rows whose answer is overdue are given up. COMPLAINT: what the server refused last,
 * which may be why; or "". */
void event_time(Flight *flight, const char *complaint);

#endif

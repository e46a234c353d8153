/* Events that say the same become one with a count: client-go's rules. Pure.
 *
 * The first of its kind is created. The second makes it a series of two; from then on the count
 * grows here and is told every half hour. A series ends after six silent minutes, with its last
 * count told. */
#ifndef EVENT_SERIES_H
#define EVENT_SERIES_H

#include "json.h"

enum {
    EVENT_SERIES_MAX = 4096, /* further ones stand alone, as if they were no series */
    EVENT_SERIES_TELL_MS = 30 * 60 * 1000,
    EVENT_SERIES_END_MS = 6 * 60 * 1000,
};

typedef struct EventSeries {
    cJSON *object; /* the Event as it was first told; `series` and its time are kept up to date */
    int64_t count; /* how often it happened                                                     */
    int64_t told;  /* the count that the API server has heard of; 0: it has no such Event       */
    int64_t told_ms;
    int64_t seen_ms; /* when it happened last */
} EventSeries;

typedef struct EventBook EventBook;

EventBook *event_book_new(void) __attribute__((__returns_nonnull__));
void event_book_free(EventBook *book);
DEFINE_DEFER(EventBook *, defer_event_book, event_book_free)

/* Notes an Event that has just happened. EVENT (kube_event_object()) is taken over. The series that
 * has to be told now, or NULL; borrowed until the next call that takes BOOK. To be called once
 * nothing else is due at NOW_MS, or the last count of a series that is over would be lost. */
EventSeries *event_book_add(EventBook *book, cJSON *event, int64_t now_ms);

/* A series whose count has to be told because of the time, or, with CLOSING, at all; NULL: none. */
EventSeries *event_book_due(EventBook *book, int64_t now_ms, bool closing);

/* SERIES was told, or given up. */
void event_series_told(EventSeries *series, int64_t now_ms);

/* Forgets those that are over and told. */
void event_book_tidy(EventBook *book, int64_t now_ms);

size_t event_book_count(const EventBook *book);

#endif

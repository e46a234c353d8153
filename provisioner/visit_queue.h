/* Visits that wait for a worker, and those that wait for their Tenant. Bounded both. */
#ifndef VISIT_QUEUE_H
#define VISIT_QUEUE_H

#include "visit.h"

typedef struct VisitQueue VisitQueue;

VisitQueue *visit_queue_new(size_t busy_max, size_t waiting_max)
    __attribute__((__returns_nonnull__));

/* It must be empty. Takes NULL. */
void visit_queue_free(VisitQueue *queue);

/* False where as many as allowed are worked on or wait for it: the visit stays the caller's. */
bool visit_queue_add(VisitQueue *queue, Visit *visit) MUST_CHECK;

/* The next visit for a worker, which gives it back by one of the two below. NULL: stop. */
Visit *visit_queue_take(VisitQueue *queue);

/* The visit was answered. */
void visit_queue_done(VisitQueue *queue);

/* The visit comes again in DELAY_MS, later where many wait, so that all of them together ask the
 * API server no more than some hundred times a second. False where too many wait, or the program
 * stops: the visit is still the worker's. */
bool visit_queue_wait(VisitQueue *queue, Visit *visit, int64_t delay_ms) MUST_CHECK;

/* From now on nobody waits: those that do come at once. */
void visit_queue_release(VisitQueue *queue);

/* Workers get NULL once nothing is left. */
void visit_queue_stop(VisitQueue *queue);

typedef struct VisitQueueCounts {
    size_t busy;
    size_t waiting;
} VisitQueueCounts;

VisitQueueCounts visit_queue_counts(VisitQueue *queue);

#endif

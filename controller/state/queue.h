/* The work queue: which tenants need a look, in which order, and when. Pure: time and chance are
 * handed in, and dispatcher.c holds the lock.
 *
 * client-go's semantics (kubernetes.md B3): a key is worked on by one worker at a time; a key
 * added again before it is taken is taken once; one added while it is worked on is taken once
 * more afterwards. Edits of users overtake the backlog of a restart. */
#ifndef QUEUE_H
#define QUEUE_H

#include "base.h"

typedef enum QueuePriority {
    QUEUE_USER,    /* someone changed something                                  */
    QUEUE_BACKLOG, /* there is probably work: the first list, a retry, a sweep   */
    QUEUE_REPORT,  /* all is done but to write that down                         */
    QUEUE_LOOK,    /* there is probably none: a server that was away for a while */
    QUEUE_NUMBERS, /* nothing but counts: a look at no server                    */
} QueuePriority;

typedef struct Queue Queue;

Queue *queue_new(void) __attribute__((__returns_nonnull__));
void queue_free(Queue *queue);

/* Tells the time, for queue_waited_ms(): whatever becomes ready does so now. */
void queue_tick(Queue *queue, int64_t now_ms);

/* KEY is due now. It waits behind what is ready with the same priority; its delay, if any, ends,
 * except for QUEUE_NUMBERS: a retry that waits is still to come. */
void queue_add(Queue *queue, const char *key, QueuePriority priority);

/* KEY is due at DUE_MS, unless it is due earlier already. */
void queue_add_at(Queue *queue, const char *key, int64_t due_ms);

/* The numbers of KEY are due at DUE_MS, unless something is due already or waits. */
void queue_recount_at(Queue *queue, const char *key, int64_t due_ms);

/* KEY failed: due after an exponential backoff of its own, with jitter from RANDOM. Returns the
 * delay in milliseconds. */
int64_t queue_retry(Queue *queue, const char *key, int64_t now_ms, uint32_t random);

/* KEY went well: its next failure starts from the first delay again. */
void queue_forget(Queue *queue, const char *key);

/* Hands out the next key that is due, borrowed until queue_done(); NULL if there is none. */
const char *queue_take(Queue *queue, int64_t now_ms);

/* What KEY was taken for, asked right after queue_take(). */
QueuePriority queue_priority(const Queue *queue, const char *key);

/* How long KEY stood ready before it was taken, asked right after queue_take(). */
int64_t queue_waited_ms(const Queue *queue, const char *key);

/* The work on KEY, got from queue_take(), is over. */
void queue_done(Queue *queue, const char *key);

/* Milliseconds until the next delayed key is due: 0 if one is ready, -1 if nothing waits. */
int64_t queue_wait_ms(const Queue *queue, int64_t now_ms);

/* Everything that waits for a retry is due now, and the next failure of each starts from the first
 * delay again: the server is back, if not all of it at the same moment. */
void queue_wake_all(Queue *queue);

/* Keys that are ready: all, and those with PRIORITY; and keys that are worked on. */
size_t queue_depth(const Queue *queue);
size_t queue_depth_of(const Queue *queue, QueuePriority priority);
size_t queue_active(const Queue *queue);

/* Keys that failed and have not gone well since. */
size_t queue_failing(const Queue *queue);

#endif

#include "visit_queue.h"

#include <pthread.h>
#include <time.h>

#include "alloc.h"
#include "clock.h"

enum { LOOK_SPACING_MS = 5 };

struct VisitQueue {
    size_t busy_max;
    size_t waiting_max;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    Visit *first; /* for the next worker */
    Visit **last;
    Visit *waiting; /* the one that is due first stands first */
    VisitQueueCounts counts;
    bool released;
    bool stopped;
};

VisitQueue *visit_queue_new(size_t busy_max, size_t waiting_max)
{
    VisitQueue *queue = xcalloc(1, sizeof *queue);
    pthread_condattr_t attributes;

    queue->busy_max = busy_max;
    queue->waiting_max = waiting_max;
    queue->last = &queue->first;
    (void)pthread_mutex_init(&queue->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&queue->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return queue;
}

void visit_queue_free(VisitQueue *queue)
{
    if (queue == NULL)
        return;
    assert(queue->first == NULL && queue->waiting == NULL);
    (void)pthread_cond_destroy(&queue->changed);
    (void)pthread_mutex_destroy(&queue->lock);
    free(queue);
}

bool visit_queue_add(VisitQueue *queue, Visit *visit)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool fits = queue->counts.busy < queue->busy_max && !queue->stopped;
    if (fits) {
        visit->next = NULL;
        *queue->last = visit;
        queue->last = &visit->next;
        queue->counts.busy++;
        (void)pthread_cond_signal(&queue->changed);
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return fits;
}

static Visit *first_due(VisitQueue *queue, int64_t now_ms)
{
    Visit *visit = queue->waiting;

    if (visit == NULL || (visit->due_ms > now_ms && !queue->released))
        return NULL;
    queue->waiting = visit->next;
    queue->counts.waiting--;
    queue->counts.busy++;
    return visit;
}

static Visit *first_ready(VisitQueue *queue)
{
    Visit *visit = queue->first;

    if (visit == NULL)
        return NULL;
    queue->first = visit->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    return visit;
}

static void sleep_until(VisitQueue *queue, int64_t ms)
{
    const struct timespec until = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)pthread_cond_timedwait(&queue->changed, &queue->lock, &until);
}

Visit *visit_queue_take(VisitQueue *queue)
{
    Visit *visit = NULL;

    (void)pthread_mutex_lock(&queue->lock);
    while (true) {
        visit = first_due(queue, clock_ms());
        if (visit == NULL)
            visit = first_ready(queue);
        if (visit != NULL || (queue->stopped && queue->waiting == NULL))
            break;
        if (queue->waiting != NULL)
            sleep_until(queue, queue->waiting->due_ms);
        else
            (void)pthread_cond_wait(&queue->changed, &queue->lock);
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return visit;
}

void visit_queue_done(VisitQueue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    assert(queue->counts.busy > 0);
    queue->counts.busy--;
    (void)pthread_mutex_unlock(&queue->lock);
}

bool visit_queue_wait(VisitQueue *queue, Visit *visit, int64_t delay_ms)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool fits = queue->counts.waiting < queue->waiting_max && !queue->released;
    if (fits) {
        Visit **place = &queue->waiting;

        visit->due_ms =
            clock_ms() + max_i64(delay_ms, (int64_t)queue->counts.waiting * LOOK_SPACING_MS);
        while (*place != NULL && (*place)->due_ms <= visit->due_ms)
            place = &(*place)->next;
        visit->next = *place;
        *place = visit;
        queue->counts.waiting++;
        queue->counts.busy--;
        (void)pthread_cond_signal(&queue->changed);
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return fits;
}

void visit_queue_release(VisitQueue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->released = true;
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->lock);
}

void visit_queue_stop(VisitQueue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->released = true;
    queue->stopped = true;
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->lock);
}

VisitQueueCounts visit_queue_counts(VisitQueue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    VisitQueueCounts counts = queue->counts;
    (void)pthread_mutex_unlock(&queue->lock);
    return counts;
}

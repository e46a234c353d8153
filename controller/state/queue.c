#include "queue.h"

#include <sys/queue.h>

#include "alloc.h"
#include "backoff.h"
#include "map.h"

enum { PRIORITIES = QUEUE_NUMBERS + 1, NOT_DELAYED = -1 };

static const Backoff retry_backoff = {.first_ms = 50, .last_ms = 300000};

typedef struct Entry {
    TAILQ_ENTRY(Entry) link; /* in a ready list */
    char *key;
    QueuePriority priority;
    bool ready;  /* stands in a ready list        */
    bool active; /* a worker has it               */
    bool dirty;  /* was added while a worker had it */
    uint32_t failures;
    int64_t ready_ms; /* since when it stands, or stood, in a ready list */
    int64_t due_ms;
    int delayed; /* position in the heap, or NOT_DELAYED */
    QueuePriority delayed_for;
} Entry;

struct Queue {
    int64_t now_ms;
    Map *entries; /* Entry, by key */
    TAILQ_HEAD(ReadyList, Entry) ready[PRIORITIES];
    Entry **heap; /* delayed entries, the earliest first */
    int heap_length;
    int heap_capacity;
    size_t ready_count[PRIORITIES];
    size_t active_count;
    size_t failing_count;
};

Queue *queue_new(void)
{
    Queue *queue = xcalloc(1, sizeof *queue);

    queue->entries = map_new();
    for (size_t i = 0; i < PRIORITIES; i++)
        TAILQ_INIT(&queue->ready[i]);
    return queue;
}

static void entry_free(Entry *entry)
{
    free(entry->key);
    free(entry);
}

void queue_free(Queue *queue)
{
    if (queue == NULL)
        return;
    for (MapEntry *at = NULL; (at = map_next(queue->entries, at)) != NULL;)
        entry_free(map_value(at));
    map_free(queue->entries);
    free(queue->heap);
    free(queue);
}

static void heap_put(Queue *queue, int at, Entry *entry)
{
    queue->heap[at] = entry;
    entry->delayed = at;
}

static void heap_rise(Queue *queue, int at)
{
    Entry *entry = queue->heap[at];

    for (; at > 0 && queue->heap[(at - 1) / 2]->due_ms > entry->due_ms; at = (at - 1) / 2)
        heap_put(queue, at, queue->heap[(at - 1) / 2]);
    heap_put(queue, at, entry);
}

static void heap_sink(Queue *queue, int at)
{
    Entry *entry = queue->heap[at];

    for (;;) {
        int child = 2 * at + 1;

        if (child + 1 < queue->heap_length &&
            queue->heap[child + 1]->due_ms < queue->heap[child]->due_ms)
            child++;
        if (child >= queue->heap_length || queue->heap[child]->due_ms >= entry->due_ms)
            break;
        heap_put(queue, at, queue->heap[child]);
        at = child;
    }
    heap_put(queue, at, entry);
}

static void heap_add(Queue *queue, Entry *entry)
{
    if (queue->heap_length == queue->heap_capacity) {
        queue->heap_capacity = queue->heap_capacity > 0 ? 2 * queue->heap_capacity : 16;
        queue->heap = xrealloc(queue->heap, (size_t)queue->heap_capacity * sizeof(Entry *));
    }
    heap_put(queue, queue->heap_length++, entry);
    heap_rise(queue, entry->delayed);
}

static void heap_remove(Queue *queue, Entry *entry)
{
    int at = entry->delayed;
    Entry *last = queue->heap[--queue->heap_length];

    entry->delayed = NOT_DELAYED;
    if (last == entry)
        return;
    heap_put(queue, at, last);
    heap_rise(queue, at);
    heap_sink(queue, last->delayed);
}

static Entry *entry_get(Queue *queue, const char *key)
{
    Entry *entry = map_get(queue->entries, key);

    if (entry != NULL)
        return entry;
    entry = xcalloc(1, sizeof *entry);
    entry->key = xstrdup(key);
    entry->priority = QUEUE_BACKLOG;
    entry->delayed = NOT_DELAYED;
    map_add(queue->entries, key, entry);
    return entry;
}

/* An entry that says nothing any more is forgotten, so that deleted tenants leave no trace. */
static void entry_drop_idle(Queue *queue, Entry *entry)
{
    if (entry->ready || entry->active || entry->delayed != NOT_DELAYED || entry->failures > 0)
        return;
    (void)map_remove(queue->entries, entry->key);
    entry_free(entry);
}

static void ready_remove(Queue *queue, Entry *entry)
{
    TAILQ_REMOVE(&queue->ready[entry->priority], entry, link);
    entry->ready = false;
    queue->ready_count[entry->priority]--;
}

static void ready_append(Queue *queue, Entry *entry, QueuePriority priority, int64_t since_ms)
{
    entry->ready_ms = since_ms;
    entry->priority = priority;
    entry->ready = true;
    TAILQ_INSERT_TAIL(&queue->ready[priority], entry, link);
    queue->ready_count[priority]++;
}

static void entry_delay(Queue *queue, Entry *entry, int64_t due_ms, QueuePriority priority)
{
    if (entry->delayed != NOT_DELAYED)
        heap_remove(queue, entry);
    entry->due_ms = due_ms;
    entry->delayed_for = priority;
    heap_add(queue, entry);
}

static void entry_add(Queue *queue, Entry *entry, QueuePriority priority)
{
    if (entry->delayed != NOT_DELAYED && priority != QUEUE_NUMBERS)
        heap_remove(queue, entry);
    if (entry->active) {
        entry->priority = entry->dirty && entry->priority < priority ? entry->priority : priority;
        entry->dirty = true;
        return;
    }
    if (entry->ready && entry->priority <= priority)
        return;
    int64_t since_ms = entry->ready ? entry->ready_ms : queue->now_ms;
    if (entry->ready)
        ready_remove(queue, entry);
    ready_append(queue, entry, priority, since_ms);
}

void queue_tick(Queue *queue, int64_t now_ms)
{
    queue->now_ms = now_ms;
}

void queue_add(Queue *queue, const char *key, QueuePriority priority)
{
    entry_add(queue, entry_get(queue, key), priority);
}

void queue_add_at(Queue *queue, const char *key, int64_t due_ms)
{
    Entry *entry = entry_get(queue, key);

    if ((entry->ready || entry->dirty) && entry->priority != QUEUE_NUMBERS)
        return;
    if (entry->delayed != NOT_DELAYED && entry->delayed_for != QUEUE_NUMBERS &&
        entry->due_ms <= due_ms)
        return;
    entry_delay(queue, entry, due_ms, QUEUE_BACKLOG);
}

void queue_recount_at(Queue *queue, const char *key, int64_t due_ms)
{
    Entry *entry = entry_get(queue, key);

    if (!entry->ready && !entry->dirty && entry->delayed == NOT_DELAYED)
        entry_delay(queue, entry, due_ms, QUEUE_NUMBERS);
}

static void entry_forgive(Queue *queue, Entry *entry)
{
    queue->failing_count -= entry->failures > 0 ? 1 : 0;
    entry->failures = 0;
    entry_drop_idle(queue, entry);
}

int64_t queue_retry(Queue *queue, const char *key, int64_t now_ms, uint32_t random)
{
    Entry *entry = entry_get(queue, key);
    int64_t delay_ms = backoff_delay_ms(&retry_backoff, entry->failures, random);

    queue->failing_count += entry->failures == 0 ? 1 : 0;
    entry->failures += entry->failures < UINT32_MAX;
    queue_add_at(queue, key, now_ms + delay_ms);
    return delay_ms;
}

void queue_forget(Queue *queue, const char *key)
{
    Entry *entry = map_get(queue->entries, key);

    if (entry != NULL)
        entry_forgive(queue, entry);
}

static void wake_due(Queue *queue, int64_t now_ms)
{
    while (queue->heap_length > 0 && queue->heap[0]->due_ms <= now_ms) {
        Entry *entry = queue->heap[0];

        bool ready = entry->ready;

        heap_remove(queue, entry);
        entry_add(queue, entry, entry->delayed_for);
        if (!ready)
            entry->ready_ms = min_i64(entry->due_ms, queue->now_ms);
    }
}

const char *queue_take(Queue *queue, int64_t now_ms)
{
    queue_tick(queue, now_ms);
    wake_due(queue, now_ms);
    for (size_t i = 0; i < PRIORITIES; i++) {
        Entry *entry = TAILQ_FIRST(&queue->ready[i]);

        if (entry == NULL)
            continue;
        ready_remove(queue, entry);
        entry->active = true;
        queue->active_count++;
        return entry->key;
    }
    return NULL;
}

QueuePriority queue_priority(const Queue *queue, const char *key)
{
    const Entry *entry = map_get(queue->entries, key);

    assert(entry != NULL && entry->active);
    return entry->priority;
}

int64_t queue_waited_ms(const Queue *queue, const char *key)
{
    const Entry *entry = map_get(queue->entries, key);

    assert(entry != NULL && entry->active);
    return max_i64(0, queue->now_ms - entry->ready_ms);
}

void queue_done(Queue *queue, const char *key)
{
    Entry *entry = map_get(queue->entries, key);

    assert(entry != NULL && entry->active);
    entry->active = false;
    queue->active_count--;
    if (entry->dirty) {
        entry->dirty = false;
        ready_append(queue, entry, entry->priority, queue->now_ms);
    }
    entry_drop_idle(queue, entry);
}

int64_t queue_wait_ms(const Queue *queue, int64_t now_ms)
{
    if (queue_depth(queue) > 0)
        return 0;
    if (queue->heap_length == 0)
        return -1;
    return max_i64(queue->heap[0]->due_ms - now_ms, 0);
}

void queue_wake_all(Queue *queue)
{
    wake_due(queue, INT64_MAX);
    for (MapEntry *at = map_next(queue->entries, NULL); at != NULL;) {
        Entry *entry = map_value(at);

        at = map_next(queue->entries, at);
        entry_forgive(queue, entry);
    }
}

size_t queue_depth(const Queue *queue)
{
    size_t depth = 0;

    for (size_t i = 0; i < PRIORITIES; i++)
        depth += queue->ready_count[i];
    return depth;
}

size_t queue_depth_of(const Queue *queue, QueuePriority priority)
{
    return queue->ready_count[priority];
}

size_t queue_active(const Queue *queue)
{
    return queue->active_count;
}

size_t queue_failing(const Queue *queue)
{
    return queue->failing_count;
}

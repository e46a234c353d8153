#include "fleet.h"

#include <pthread.h>

#include "alloc.h"
#include "clock.h"
#include "map.h"

enum { INTERVALS_KEPT = 3 };

typedef struct Counted {
    Numbers numbers;
    uint64_t round;
} Counted;

struct Fleet {
    FleetChanged *changed;
    void *context;

    pthread_mutex_t lock; /* guards what follows */
    Isolation *isolation; /* NULL: not swept yet */
    OutboxBoard *outbox;
    Map *counted; /* Counted, by tenant */
    uint64_t round;
    int64_t counted_until_ms; /* the numbers are too old from here on */
    ServerStore servers[COUNTS_SERVERS_MAX];
    size_t server_count;
};

Fleet *fleet_new(FleetChanged *changed, void *context)
{
    Fleet *self = xcalloc(1, sizeof *self);

    *self = (Fleet){.changed = changed, .context = context};
    (void)pthread_mutex_init(&self->lock, NULL);
    self->outbox = outbox_board_new(clock_ms(), changed, context);
    self->counted = map_new();
    return self;
}

static void counted_free(Counted *counted)
{
    numbers_done(&counted->numbers);
    free(counted);
}

void fleet_free(Fleet *self)
{
    if (self == NULL)
        return;
    for (MapEntry *at = NULL; (at = map_next(self->counted, at)) != NULL;)
        counted_free(map_value(at));
    map_free(self->counted);
    outbox_board_free(self->outbox);
    isolation_free(self->isolation);
    (void)pthread_mutex_destroy(&self->lock);
    free(self);
}

static void lock(Fleet *self)
{
    (void)pthread_mutex_lock(&self->lock);
}

static void unlock(Fleet *self)
{
    (void)pthread_mutex_unlock(&self->lock);
}

void fleet_swept(Fleet *self, Isolation *isolation)
{
    lock(self);
    isolation_compare(self->isolation, isolation, self->changed, self->context);
    isolation_free(self->isolation);
    self->isolation = isolation;
    unlock(self);
}

static Counted *counted_of(Fleet *self, const char *tenant_id)
{
    Counted *counted = map_get(self->counted, tenant_id);

    if (counted != NULL)
        return counted;
    counted = xcalloc(1, sizeof *counted);
    map_add(self->counted, tenant_id, counted);
    return counted;
}

static void counted_put(void *context, const char *tenant_id, const Numbers *numbers)
{
    Fleet *self = context;
    Counted *counted = counted_of(self, tenant_id);

    counted->round = self->round;
    if (numbers_equal(&counted->numbers, numbers))
        return;
    numbers_done(&counted->numbers);
    counted->numbers = numbers_copy(numbers);
    self->changed(self->context, tenant_id);
}

/* Those that were not counted this time: no stream, or no leader. */
static void counted_prune(Fleet *self)
{
    for (MapEntry *at = map_next(self->counted, NULL); at != NULL;) {
        const char *tenant_id = map_key(at);
        const Counted *counted = map_value(at);

        at = map_next(self->counted, at);
        if (counted->round != self->round)
            counted_free(map_remove(self->counted, tenant_id));
    }
}

void fleet_counted(Fleet *self, const Counts *counts, int64_t interval_ms)
{
    const ServerStore *servers = NULL;
    size_t server_count = counts_servers(counts, &servers);

    lock(self);
    self->round++;
    self->counted_until_ms = clock_ms() + INTERVALS_KEPT * interval_ms;
    memcpy(self->servers, servers, server_count * sizeof *servers);
    self->server_count = server_count;
    counts_each(counts, counted_put, self);
    counted_prune(self);
    unlock(self);
}

int fleet_report(Fleet *self, const char *text, size_t length, Error *reterr)
{
    DEFER(relay_report_done) RelayReport report = {0};

    if (relay_report_parse(text, length, &report, reterr) < 0)
        return -1;
    lock(self);
    int r = outbox_board_add(self->outbox, &report, clock_ms(), reterr);
    unlock(self);
    return r;
}

void fleet_expire(Fleet *self)
{
    lock(self);
    outbox_board_expire(self->outbox, clock_ms());
    unlock(self);
}

void fleet_look(Fleet *self, const char *tenant_id, Surroundings *ret_surroundings)
{
    Surroundings found = {0};

    lock(self);
    found.swept = self->isolation != NULL;
    if (found.swept)
        isolation_find(self->isolation, tenant_id, found.intruders);
    found.outbox_known = outbox_board_find(self->outbox, tenant_id, clock_ms(), &found.outbox);
    unlock(self);
    *ret_surroundings = found;
}

/* With the lock held. */
static const Counted *counted_get(const Fleet *self, const char *tenant_id)
{
    return clock_ms() < self->counted_until_ms ? map_get(self->counted, tenant_id) : NULL;
}

bool fleet_numbers(Fleet *self, const char *tenant_id, Observed *ret_observed)
{
    lock(self);
    const Counted *counted = counted_get(self, tenant_id);
    if (counted != NULL)
        *ret_observed = numbers_observed(&counted->numbers);
    unlock(self);
    return counted != NULL;
}

bool fleet_counts(Fleet *self, const char *tenant_id)
{
    lock(self);
    bool counts = counted_get(self, tenant_id) != NULL;
    unlock(self);
    return counts;
}

size_t fleet_servers(Fleet *self, ServerStore ret_servers[COUNTS_SERVERS_MAX])
{
    lock(self);
    size_t count = clock_ms() < self->counted_until_ms ? self->server_count : 0;
    memcpy(ret_servers, self->servers, count * sizeof *ret_servers);
    unlock(self);
    return count;
}

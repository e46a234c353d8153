/* The least that an outbox costs in PostgreSQL: the relay's own statements, fetch and mark, with
 * nothing published in between.
 *
 *     sql_floor URL mark|delete BATCH CONNECTIONS    prints "ROWS SECONDS"
 *
 * Each connection is a thread and has its share of the tenants, so that none waits for another. */
#include <pthread.h>

#include "alloc.h"
#include "clock.h"
#include "outbox.h"

enum { CONNECTIONS_MAX = 8 };

typedef struct Floor {
    Outbox *outbox;
    Lane lanes[LANES_A_ROUND];
    RoundPlan plan;
    int64_t *ids;
    int64_t batch;
    int64_t rows;
    size_t number;
    size_t connections;
    size_t found;
    pthread_t thread;
} Floor;

static _Noreturn void give_up(const Error *error)
{
    (void)fprintf(stderr, "sql_floor: %s\n", error->text);
    exit(1);
}

static void found(void *context, const char *tenant, bool ready, bool due)
{
    Floor *self = context;
    size_t turn = self->found++ % self->connections;

    if (!ready || due || turn != self->number || self->plan.count == LANES_A_ROUND)
        return;
    Lane *lane = &self->lanes[self->plan.count];
    (void)snprintf(lane->tenant, sizeof lane->tenant, "%s", tenant);
    lane->settings = relay_settings_default();
    self->plan.entries[self->plan.count++] = (LanePlan){.lane = lane};
}

static int by_number(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;

    return (*left > *right) - (*left < *right);
}

/* What was fetched is what the next exchange marks. */
static Settlement all_stored(Floor *self, const Fetched *fetched)
{
    for (size_t i = 0; i < fetched->row_count; i++)
        self->ids[i] = fetched->rows[i].id;
    qsort(self->ids, fetched->row_count, sizeof(int64_t), by_number);
    return (Settlement){.stored = {self->ids, fetched->row_count}};
}

static void raise_floors(Floor *self, const Fetched *fetched)
{
    for (size_t i = 0; i < fetched->row_count; i++)
        self->plan.entries[fetched->plan_of[i]].floor = fetched->rows[i].id;
}

static void *drain(void *context)
{
    Floor *self = context;
    Settlement settlement = {0};
    Fetched fetched;
    Error error;

    for (size_t i = 0; i < self->plan.count; i++)
        self->plan.entries[i].rows = max_i64(self->batch / (int64_t)self->plan.count, 1);
    do {
        if (outbox_exchange(self->outbox, &settlement, &self->plan, &fetched, &error) < 0)
            give_up(&error);
        self->rows += (int64_t)fetched.row_count;
        raise_floors(self, &fetched);
        settlement = all_stored(self, &fetched);
    } while (fetched.row_count > 0);
    return NULL;
}

/* The table as migrate makes it. */
static OutboxSettings settings_for(const char *url, OnPublished on_published)
{
    OutboxSettings settings = {
        .database_url = url,
        .names = {.table = "outbox", .pending = "pending", .published = "published"},
        .on_published = on_published,
    };

    for (size_t i = 0; i < MAPPED_COUNT; i++)
        settings.names.columns[i] = mapped_name((Mapped)i);
    return settings;
}

static void floor_open(Floor *self, const OutboxSettings *settings)
{
    const KnownTenants none = {.count = 0};
    const Finder finder = {.found = found, .context = self};
    Error error;

    self->ids = xcalloc((size_t)self->batch + LANES_A_ROUND, sizeof(int64_t));
    if (outbox_new(settings, NULL, &self->outbox, &error) < 0 ||
        outbox_open(self->outbox, &error) < 0 ||
        outbox_discover(self->outbox, &none, &finder, &error) < 0)
        give_up(&error);
}

int main(int argc, char **argv)
{
    static Floor floors[CONNECTIONS_MAX];
    int64_t rows = 0;

    if (argc != 5)
        return 2;
    bool mark = text_eq(argv[2], "mark");
    const OutboxSettings settings =
        settings_for(argv[1], mark ? ON_PUBLISHED_MARK : ON_PUBLISHED_DELETE);
    size_t count = (size_t)min_i64(strtoll(argv[4], NULL, 10), CONNECTIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        floors[i].number = i;
        floors[i].connections = count;
        floors[i].batch = strtoll(argv[3], NULL, 10);
        floor_open(&floors[i], &settings);
    }
    int64_t began = clock_us();
    for (size_t i = 0; i < count; i++)
        if (pthread_create(&floors[i].thread, NULL, drain, &floors[i]) != 0)
            return 1;
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(floors[i].thread, NULL);
        rows += floors[i].rows;
    }
    (void)printf("%" PRId64 " %.6f\n", rows, (double)(clock_us() - began) / 1e6);
    for (size_t i = 0; i < count; i++) {
        outbox_free(floors[i].outbox);
        free(floors[i].ids);
    }
    return 0;
}

#include "housekeeper.h"

#include <pthread.h>

#include "alloc.h"
#include "bloat.h"
#include "clock.h"
#include "inspect.h"
#include "log.h"
#include "relay_metrics.h"
#include "stop.h"
#include "subject.h"
#include "upkeep.h"

enum {
    MEASURE_MS = 10 * 1000,
    CLEAN_MS = 2000, /* between two passes that found nothing */
    CLEAN_PIECES = 200,
    REOPEN_MS = 5000,
};

struct Housekeeper {
    pthread_t thread;
    Postgres *postgres;
    Mapping mapping;
    int64_t keep_ms;
    int64_t measured_ms;
    int64_t cleaned_ms;
    Upkeep upkeep;
};

static bool go_on(void *context)
{
    (void)context;
    return !stop_requested();
}

static void on_depth(void *context, const char *tenant, const Depth *depth)
{
    (void)context;
    if (!tenant_id_valid(tenant))
        return;
    metric_set(&metric_pending, (double)depth->pending, tenant);
    metric_set(&metric_retrying, (double)depth->retrying, tenant);
    metric_set(&metric_oldest_seconds, depth->oldest_seconds, tenant);
    metric_set(&metric_dead, (double)depth->dead, tenant);
    if (depth->pending == 0) /* whatever it waited for */
        metric_set(&metric_lane_paused, 0, tenant);
}

static int clean(Housekeeper *self, Error *reterr)
{
    Cleaned cleaned = {.more = true};

    for (int i = 0; i < CLEAN_PIECES && cleaned.more && !stop_requested(); i++) {
        if (upkeep_clean(&self->upkeep, self->postgres, self->keep_ms, &cleaned, reterr) < 0)
            return -1;
        metric_add(&metric_cleaned, (double)cleaned.deleted);
    }
    return 0;
}

static int open_outbox(Housekeeper *self, Error *reterr)
{
    if (postgres_open(self->postgres, true, reterr) < 0)
        return -1;
    return inspect_outbox(self->postgres, &self->mapping, reterr);
}

static int measure_bloat(Housekeeper *self, Error *reterr)
{
    Bloat bloat;

    if (bloat_measure(self->postgres, &self->mapping, &bloat, reterr) < 0)
        return -1;
    metric_set(&metric_oldest_xmin_seconds, bloat.oldest_seconds);
    metric_set(&metric_dead_tuples, (double)bloat.dead_tuples);
    return 0;
}

static int turn(Housekeeper *self, Error *reterr)
{
    int64_t now = clock_ms();

    if (!postgres_is_open(self->postgres) && open_outbox(self, reterr) < 0)
        return -1;
    if (now - self->measured_ms >= MEASURE_MS) {
        self->measured_ms = now;
        if (upkeep_measure(&self->upkeep, self->postgres, on_depth, self, reterr) < 0 ||
            measure_bloat(self, reterr) < 0)
            return -1;
    }
    if (self->keep_ms > 0 && now - self->cleaned_ms >= CLEAN_MS) {
        self->cleaned_ms = now;
        return clean(self, reterr);
    }
    return 0;
}

static void *run(void *context)
{
    Housekeeper *self = context;
    Error error;

    while (!stop_requested()) {
        bool failed = turn(self, &error) < 0;

        /* The workers say why PostgreSQL cannot be used. */
        if (failed && !stop_requested())
            log_debug("housekeeping waits", KV("error", error.text));
        if (failed)
            postgres_close(self->postgres);
        (void)stop_wait_ms(failed ? REOPEN_MS : CLEAN_MS / 4);
    }
    return NULL;
}

int housekeeper_start(const HousekeeperSettings *settings, Housekeeper **ret_housekeeper,
                      Error *reterr)
{
    const PostgresWaiter waiter = {.go_on = go_on};
    Housekeeper *self = xcalloc(1, sizeof *self);

    self->keep_ms = settings->keep_ms;
    self->measured_ms = -MEASURE_MS;
    self->upkeep.mapping = &self->mapping;
    if (mapping_parse(&settings->outbox.names, &self->mapping, reterr) < 0 ||
        postgres_new(settings->outbox.database_url, &waiter, &self->postgres, reterr) < 0) {
        free(self);
        return -1;
    }
    if (pthread_create(&self->thread, NULL, run, self) != 0) {
        postgres_free(self->postgres);
        free(self);
        return error_set(reterr, ERROR_BUSY, "cannot start a thread");
    }
    *ret_housekeeper = self;
    return 0;
}

void housekeeper_join(Housekeeper *self)
{
    if (self == NULL)
        return;
    (void)pthread_join(self->thread, NULL);
    upkeep_done(&self->upkeep);
    postgres_free(self->postgres);
    free(self);
}

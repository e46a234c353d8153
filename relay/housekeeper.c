#include "housekeeper.h"

#include <pthread.h>

#include "alloc.h"
#include "bloat.h"
#include "clock.h"
#include "depth_gauges.h"
#include "inspect.h"
#include "log.h"
#include "relay_metrics.h"
#include "stop.h"
#include "upkeep.h"

enum {
    STEPS_A_TURN = 20, /* then cleaning has its turn */
    CLEAN_MS = 2000,   /* between two passes that found nothing */
    CLEAN_PIECES = 200,
    REOPEN_MS = 5000,
    TURN_MS = 500,
};

struct Housekeeper {
    pthread_t thread;
    Postgres *postgres;
    Reporter *reporter;
    DepthGauges *gauges;
    Mapping mapping;
    Measure measure;
    Upkeep upkeep;
    int64_t keep_ms;
    int64_t report_ms;
    bool measuring;
    int64_t measured_ms; /* when that began the last time */
    int64_t cleaned_ms;
};

static bool go_on(void *context)
{
    (void)context;
    return !stop_requested();
}

static int open_if_closed(Housekeeper *self, Error *reterr)
{
    if (postgres_is_open(self->postgres))
        return 0;
    self->measuring = false;
    return postgres_open(self->postgres, true, reterr) < 0
               ? -1
               : inspect_outbox(self->postgres, &self->mapping, reterr);
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

static int begin_measuring(Housekeeper *self, Error *reterr)
{
    self->measured_ms = clock_ms();
    if (measure_bloat(self, reterr) < 0)
        return -1;
    self->measuring = measure_begin(&self->measure, self->postgres, reterr) == 0;
    return self->measuring ? 0 : -1;
}

static void tell_depths(Housekeeper *self)
{
    int64_t took_ms = clock_ms() - self->measured_ms;

    depth_gauges_set(self->gauges, &self->measure.depths);
    reporter_send(self->reporter, &self->measure, max_i64(self->report_ms, took_ms));
}

/* A few steps; the first comes when its time has come. */
static int measure(Housekeeper *self, Error *reterr)
{
    bool ended = false;

    if (!self->measuring && (clock_ms() - self->measured_ms < self->report_ms))
        return 0;
    if (!self->measuring && begin_measuring(self, reterr) < 0)
        return -1;
    for (int i = 0; i < STEPS_A_TURN && !ended && !stop_requested(); i++) {
        if (measure_step(&self->measure, self->postgres, &ended, reterr) < 0)
            return -1;
    }
    self->measuring = !ended;
    if (ended)
        tell_depths(self);
    return 0;
}

static int clean(Housekeeper *self, Error *reterr)
{
    Cleaned cleaned = {.more = true};

    if (self->keep_ms == 0 || clock_ms() - self->cleaned_ms < CLEAN_MS)
        return 0;
    self->cleaned_ms = clock_ms();
    for (int i = 0; i < CLEAN_PIECES && cleaned.more && !stop_requested(); i++) {
        if (upkeep_clean(&self->upkeep, self->postgres, self->keep_ms, &cleaned, reterr) < 0)
            return -1;
        metric_add(&metric_cleaned, (double)cleaned.deleted);
    }
    return 0;
}

static int turn(Housekeeper *self, Error *reterr)
{
    return open_if_closed(self, reterr) < 0 || measure(self, reterr) < 0 ? -1 : clean(self, reterr);
}

static int64_t next_turn_ms(const Housekeeper *self)
{
    return self->measuring ? 0 : min_i64(self->report_ms, TURN_MS);
}

/* On the thread that uses it: what its connections wait for delays nobody else's end. */
static void close_all(Housekeeper *self)
{
    postgres_free(self->postgres);
    reporter_free(self->reporter);
    depth_gauges_free(self->gauges);
    measure_done(&self->measure);
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
        (void)stop_wait_ms(failed ? REOPEN_MS : next_turn_ms(self));
    }
    close_all(self);
    return NULL;
}

static int init(Housekeeper *self, const HousekeeperSettings *settings, Error *reterr)
{
    const PostgresWaiter waiter = {.go_on = go_on};

    self->keep_ms = settings->keep_ms;
    self->report_ms = settings->report_ms;
    self->measured_ms = -settings->report_ms;
    self->gauges = depth_gauges_new();
    self->measure.mapping = &self->mapping;
    self->upkeep.mapping = &self->mapping;
    if (mapping_parse(&settings->outbox.names, &self->mapping, reterr) < 0 ||
        postgres_new(settings->outbox.database_url, &waiter, &self->postgres, reterr) < 0)
        return -1;
    return reporter_new(&settings->reporter, &self->reporter, reterr);
}

int housekeeper_start(const HousekeeperSettings *settings, Housekeeper **ret_housekeeper,
                      Error *reterr)
{
    Housekeeper *self = xcalloc(1, sizeof *self);
    int r = init(self, settings, reterr);

    if (r == 0 && pthread_create(&self->thread, NULL, run, self) != 0)
        r = error_set(reterr, ERROR_BUSY, "cannot start a thread");
    if (r < 0) {
        close_all(self);
        free(self);
        return -1;
    }
    *ret_housekeeper = self;
    return 0;
}

void housekeeper_join(Housekeeper *self)
{
    if (self == NULL)
        return;
    (void)pthread_join(self->thread, NULL);
    free(self);
}

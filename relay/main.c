/* Reads the settings, builds everything, hands functions in, and waits for the end. */
#include <stdatomic.h>

#include "health_server.h"
#include "housekeeper.h"
#include "log.h"
#include "loop.h"
#include "migrate.h"
#include "process.h"
#include "relay_metrics.h"
#include "relay_options.h"
#include "stop.h"

enum { WHERE_SIZE = 512 };

typedef struct Relay {
    const Process *process;
    const RelayOptions *options;
    _Atomic(Loops *) loops; /* NULL until they run */
    Housekeeper *housekeeper;
    HealthServer *health;
} Relay;

static const char *alive(void *context)
{
    Loops *loops = atomic_load(&((Relay *)context)->loops);

    return loops != NULL ? loops_alive(loops) : NULL;
}

static const char *ready(void *context)
{
    Loops *loops = atomic_load(&((Relay *)context)->loops);

    return loops != NULL ? loops_ready(loops) : "starting";
}

static int print_schema(const Relay *self, Error *reterr)
{
    DEFER(text_done) Text text = TEXT_MAX(SCHEMA_TEXT_MAX);
    Mapping mapping;

    if (mapping_parse(&self->options->names, &mapping, reterr) < 0)
        return -1;
    schema_print(&mapping, &text);
    assert(!text.full);
    if (fputs(text_get(&text), stdout) == EOF || fflush(stdout) == EOF)
        return error_set(reterr, ERROR_BUSY, "cannot write to standard output");
    return 0;
}

static void on_migrated(void *context, const Migration *migration)
{
    (void)context;
    log_info("migration applied", KV("version", migration->version), KV("name", migration->name));
}

static int run_migrate(const Relay *self, Error *reterr)
{
    DEFER(defer_postgres) Postgres *postgres = NULL;
    char where[WHERE_SIZE];
    Mapping mapping;

    if (mapping_parse(&self->options->names, &mapping, reterr) < 0 ||
        postgres_new(self->options->database_url, NULL, &postgres, reterr) < 0 ||
        postgres_open(postgres, false, reterr) < 0)
        return -1;
    postgres_where(postgres, where, sizeof where);
    if (migrate(postgres, &mapping, on_migrated, NULL, reterr) < 0)
        return -1;
    log_info("the outbox is up to date", KV("version", (int64_t)migration_count()),
             KV("database", where));
    return 0;
}

static int start(Relay *self, Error *reterr)
{
    const RelayOptions *options = self->options;
    const DrainSettings drain = {
        .outbox = relay_outbox(options),
        .sink = {.nats = options->nats, .name = self->process->name, .inbox = options->nats_inbox},
        .batch = options->batch,
        .poll_ms = options->poll_ms,
        .max_attempts = options->max_attempts,
    };
    const HousekeeperSettings housekeeping = {
        .outbox = relay_outbox(options),
        .reporter = {.nats = options->nats,
                     .name = self->process->name,
                     .instance = self->process->host},
        .keep_ms = relay_on_published(options) == ON_PUBLISHED_MARK ? options->keep_ms : 0,
        .report_ms = options->report_ms,
    };
    const HealthChecks checks = {.alive = alive, .ready = ready, .context = self};

    Loops *loops = NULL;

    if (health_server_start(options->listen, &checks, &self->health, reterr) < 0 ||
        loops_start(&drain, (size_t)options->workers, &loops, reterr) < 0)
        return -1;
    atomic_store(&self->loops, loops);
    return stop_requested() ? 0 : housekeeper_start(&housekeeping, &self->housekeeper, reterr);
}

static int run_relay(Relay *self, Error *reterr)
{
    relay_metrics_register();
    int r = start(self, reterr);

    if (r == 0) {
        log_info("running", KV("version", BULKHEAD_VERSION), KV("workers", self->options->workers),
                 KV("on_published", self->options->on_published));
        while (!stop_requested())
            (void)stop_wait_ms(INT32_MAX);
        log_info("stopping");
    }
    stop_request();
    health_server_stop(self->health);
    loops_join(atomic_load(&self->loops));
    housekeeper_join(self->housekeeper);
    return r;
}

static int run_dead(const Relay *self, const char *what, Error *reterr)
{
    const Invocation *invocation = &self->process->invocation;
    const DeadWords words = {invocation->words, invocation->word_count};
    const OutboxSettings outbox = relay_outbox(self->options);
    const DeadOptions *options = &self->options->dead;

    if (text_eq(what, "list"))
        return dead_list(&outbox, options, &words, reterr);
    return text_eq(what, "requeue") ? dead_requeue(&outbox, options, &words, reterr)
                                    : dead_discard(&outbox, options, &words, reterr);
}

static int run_replay(const Relay *self, Error *reterr)
{
    const OutboxSettings outbox = relay_outbox(self->options);

    return replay_command(&outbox, self->options->keep_ms, &self->options->replay, reterr);
}

static int relay_run(Process *process, const char *command, Error *reterr)
{
    static Relay relay;

    relay.process = process;
    relay.options = process->settings;
    if (relay.options->print_schema)
        return print_schema(&relay, reterr);
    if (text_eq(command, "migrate"))
        return run_migrate(&relay, reterr);
    if (text_starts(command, "dead "))
        return run_dead(&relay, command + strlen("dead "), reterr);
    if (text_eq(command, "replay"))
        return run_replay(&relay, reterr);
    return run_relay(&relay, reterr);
}

int main(int argc, char **argv)
{
    static RelayOptions options;
    Process process = {
        .program = &relay_program,
        .settings = &options,
        .log_level_offset = offsetof(RelayOptions, log_level),
        .log_format_offset = offsetof(RelayOptions, log_format),
    };

    return process_main(&process, argc, argv, relay_run);
}

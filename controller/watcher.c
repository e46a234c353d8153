#include "watcher.h"

#include <pthread.h>

#include "alloc.h"
#include "log.h"
#include "memory.h"
#include "report.h"
#include "stop.h"
#include "watch.h"

struct Watcher {
    WatcherSettings settings;
    pthread_t thread;
};

static void on_sync_begin(void *context)
{
    dispatcher_sync_begin(context);
}

static void on_synced(void *context)
{
    dispatcher_sync_end(context);
    log_info("all Tenants are listed", KV("tenants", (int64_t)dispatcher_counts(context).objects));
    memory_trim();
}

static void on_object(void *context, cJSON *object, bool initial)
{
    dispatcher_put(context, object, initial);
    cJSON_Delete(object);
}

static void on_delete(void *context, const cJSON *object)
{
    dispatcher_delete(context, object);
}

/* Passes that failed because the API server was away need not wait for the end of their backoff. */
static void on_open(void *context)
{
    dispatcher_wake(context);
}

static void on_trouble(void *context, const Error *error)
{
    (void)context;
    log_warn("watching Tenants", KV("error", error->text));
}

static void *run(void *context)
{
    const WatcherSettings *settings = &((const Watcher *)context)->settings;
    const WatchTarget target = {.resource = &tenant_resource, .labels = settings->selector};
    const WatchHandler handler = {
        .context = settings->dispatcher,
        .on_sync_begin = on_sync_begin,
        .on_synced = on_synced,
        .on_object = on_object,
        .on_delete = on_delete,
        .on_open = on_open,
        .on_trouble = on_trouble,
        .pulse = settings->pulse,
    };

    watch_run(settings->kube, &target, &handler, stop_fd());
    return NULL;
}

Watcher *watcher_start(const WatcherSettings *settings)
{
    Watcher *self = xcalloc(1, sizeof *self);

    self->settings = *settings;
    int r = pthread_create(&self->thread, NULL, run, self);
    assert(r == 0);
    return self;
}

void watcher_join(Watcher *self)
{
    if (self == NULL)
        return;
    (void)pthread_join(self->thread, NULL);
    free(self);
}

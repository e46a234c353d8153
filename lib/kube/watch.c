#include "watch.h"

#include <poll.h>

#include "backoff.h"
#include "clock.h"
#include "watch_fetch.h"
#include "watch_rule.h"
#include "watch_teller.h"

enum {
    CALM_MS = 120000, /* after this long without a rest the backoff starts anew */
    REST_MAX_MS = 60000,
};

static const Backoff backoff = {.first_ms = 800, .last_ms = 30000};

typedef struct Watch {
    WatchTeller teller;
    WatchFetch fetch;
    bool pages_only;   /* this server cannot stream a list */
    WatchEnd bad_end;  /* the last one that was a failure  */
    uint32_t failures; /* by it, in a row */
    uint32_t rests;    /* because of it, since it was calm */
    int64_t rested_ms;
} Watch;

/* Does what the state says, until that ends. */
static WatchEnd work(Watch *watch)
{
    WatchTeller *teller = &watch->teller;

    if (teller->state == WATCH_STREAM_LIST && watch->pages_only)
        teller->state = WATCH_PAGE_LIST;
    teller->moved = false;
    watch->fetch.retry_after_ms = -1;
    return teller->state == WATCH_PAGE_LIST ? watch_fetch_pages(&watch->fetch)
                                            : watch_fetch_stream(&watch->fetch);
}

static void tell_trouble(Watch *watch)
{
    if (watch->teller.handler->on_trouble == NULL)
        return;
    error_prefix(&watch->fetch.error, "watching %s", watch->teller.target->resource->plural);
    watch->teller.handler->on_trouble(watch->teller.handler->context, &watch->fetch.error);
}

static void rest(Watch *watch)
{
    int64_t now = clock_ms();
    struct pollfd stop = {.fd = watch->fetch.stop_fd, .events = POLLIN};

    if (now - watch->rested_ms > CALM_MS)
        watch->rests = 0;
    int64_t delay_ms = backoff_delay_ms(&backoff, watch->rests++, random_u32());
    delay_ms = min_i64(max_i64(delay_ms, watch->fetch.retry_after_ms), REST_MAX_MS);
    (void)poll(&stop, 1, (int)delay_ms);
    watch->rested_ms = clock_ms();
}

/* Each kind of failure has a patience of its own: a server that was away for long and then says
 * that our version is gone is back, and asked again at once. */
static void note_failure(Watch *watch, WatchEnd end)
{
    if (end != watch->bad_end) {
        watch->failures = 0;
        watch->rests = 0;
    }
    watch->bad_end = end;
    watch->failures++;
}

/* The state may be FOLLOW by now, where a list has come to its end within a stream. */
static void obey(Watch *watch, WatchEnd end)
{
    const WatchRule *rule = watch_rule(watch->teller.state, end);

    if (end == WATCH_INVALID && watch->teller.state == WATCH_STREAM_LIST)
        watch->pages_only = true;
    watch->teller.state = rule->next;
    if (rule->quiet_tries == WATCH_NEVER_TELL) {
        watch->failures = 0;
        return;
    }
    note_failure(watch, end);
    if (watch->failures > rule->quiet_tries)
        tell_trouble(watch);
    if (rule->rest)
        rest(watch);
}

void watch_run(KubeClient *client, const WatchTarget *target, const WatchHandler *handler,
               int stop_fd)
{
    Watch watch = {0};

    watch_teller_init(&watch.teller, target, handler);
    watch_fetch_init(&watch.fetch, client, &watch.teller, stop_fd);
    while (!watch_fetch_stopping(&watch.fetch)) {
        WatchEnd end = work(&watch);

        if (!watch_fetch_stopping(&watch.fetch))
            obey(&watch, end);
    }
    watch_teller_done(&watch.teller);
}

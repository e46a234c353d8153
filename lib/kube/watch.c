#include "watch.h"

#include <poll.h>

#include "alloc.h"
#include "backoff.h"
#include "clock.h"
#include "kube_status.h"
#include "watch_events.h"
#include "watch_lines.h"
#include "watch_rule.h"

enum {
    PAGE_SIZE = 500,
    STREAM_MIN_S = 300,
    STREAM_MAX_S = 600,
    STREAM_SLACK_MS = 60000, /* beyond which we end a stream that the server should have ended */
    SILENCE_MS = 150000,     /* bookmarks come each minute or two */
    LIST_SILENCE_MS = 30000,
    SHORT_MS = 1000,
    CALM_MS = 120000, /* after this long without a rest the backoff starts anew */
    REST_MAX_MS = 60000,
};

static const Backoff backoff = {.first_ms = 800, .last_ms = 30000};
static const char metadata_type[] = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
static const char metadata_list_type[] =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

typedef struct Watch {
    KubeClient *client;
    const WatchTarget *target;
    const WatchHandler *handler;
    int stop_fd;

    WatchState state;
    char *version;   /* the last one told of; "" before the first sync */
    bool pages_only; /* this server cannot stream a list */
    int page_size;
    WatchEnd bad_end;  /* the last one that was not told to be normal */
    uint32_t failures; /* by it, in a row */
    uint32_t rests;    /* because of it, since it was calm */
    int64_t rested_ms;
    int64_t retry_after_ms;

    /* The stream under way: */
    KubeSink sink;
    WatchLines lines;
    bool opened;
    bool moved; /* it brought something */
    bool failed;
    WatchEnd failure;
    Error error; /* of the failure */
} Watch;

static bool is_stopping(const Watch *watch)
{
    struct pollfd stop = {.fd = watch->stop_fd, .events = POLLIN};

    return poll(&stop, 1, 0) > 0;
}

static void set_version(Watch *watch, const char *version)
{
    char *copy = xstrdup(version);

    free(watch->version);
    watch->version = copy;
    if (watch->handler->on_version != NULL)
        watch->handler->on_version(watch->handler->context, version);
}

static WatchEnd fail(Watch *watch, WatchEnd end, const Error *error)
{
    watch->error = *error;
    return end;
}

/* An answer that is no success, or the Status of an ERROR event. */
static WatchEnd fail_status(Watch *watch, int64_t code, const cJSON *status)
{
    Error error;

    if (kube_status_read(code, status, &error) == 0)
        error_fill(&error, ERROR_BUSY, "an error event without a code");
    if (code == 404)
        error_fill(&error, ERROR_NOT_FOUND,
                   "the API server does not know %s of %s/%s; is the CRD installed?",
                   watch->target->resource->plural, watch->target->resource->group,
                   watch->target->resource->version);
    return fail(watch, watch_end_of(code, status), &error);
}

static void tell_synced(Watch *watch, const char *version)
{
    watch->moved = true;
    watch->state = watch_rule(watch->state, WATCH_SYNCED)->next;
    watch->failures = 0;
    watch->sink.silence_ms = SILENCE_MS;
    watch->handler->on_synced(watch->handler->context);
    set_version(watch, version);
}

/* Initial events come in no order of versions, so that none of them is one to resume from. */
static void note_version(Watch *watch, const char *version)
{
    if (watch->state == WATCH_FOLLOW && kube_version_compare(version, watch->version) <= 0)
        return; /* an old one told again is no progress */
    watch->moved = true;
    watch->failures = 0;
    if (watch->state == WATCH_FOLLOW)
        set_version(watch, version);
}

static void tell_event(Watch *watch, WatchEvent *event)
{
    const WatchHandler *handler = watch->handler;
    DEFER(defer_free) char *version = xstrdup(event->version);

    if (event->type == WATCH_EVENT_DELETED)
        handler->on_delete(handler->context, event->object);
    else if (event->type != WATCH_EVENT_BOOKMARK)
        handler->on_object(handler->context, TAKE(event->object), watch->state != WATCH_FOLLOW);
    if (event->initial_end && watch->state != WATCH_FOLLOW)
        tell_synced(watch, version);
    else
        note_version(watch, version);
}

static bool on_line(Watch *watch, const char *line, size_t length)
{
    DEFER(watch_event_done) WatchEvent event = {0};
    Error error;

    if (watch_event_parse(line, length, &event, &error) < 0) {
        watch->failed = true;
        watch->failure = fail(watch, WATCH_GARBLED, &error);
        return false;
    }
    if (event.type == WATCH_EVENT_ERROR) {
        watch->failed = true;
        watch->failure = fail_status(watch, json_int(event.object, "code", 0), event.object);
        return false;
    }
    tell_event(watch, &event);
    return true;
}

static bool on_bytes(void *context, const char *bytes, size_t length)
{
    Watch *watch = context;
    const char *line = NULL;
    size_t line_length = 0;
    Error error;

    if (watch_lines_add(&watch->lines, bytes, length, &error) < 0) {
        watch->failed = true;
        watch->failure = fail(watch, WATCH_GARBLED, &error);
        return false;
    }
    while (watch_lines_next(&watch->lines, &line, &line_length)) {
        if (!on_line(watch, line, line_length))
            return false;
    }
    return true;
}

static void on_open(void *context)
{
    Watch *watch = context;

    watch->opened = true;
    if (watch->state == WATCH_STREAM_LIST)
        watch->handler->on_sync_begin(watch->handler->context);
}

static char *stream_path(const Watch *watch, int64_t seconds)
{
    bool lists = watch->state == WATCH_STREAM_LIST;
    const KubeRef all = {.resource = watch->target->resource,
                         .namespace = watch->target->namespace};
    char limit[24];

    (void)snprintf(limit, sizeof limit, "%" PRId64, seconds);
    const KubeParam params[] = {
        {"watch", "true"},
        {"allowWatchBookmarks", "true"},
        {"sendInitialEvents", lists ? "true" : NULL},
        {"resourceVersionMatch", lists ? "NotOlderThan" : NULL},
        {"resourceVersion", lists ? NULL : watch->version},
        {"timeoutSeconds", limit},
        {"labelSelector", watch->target->labels},
        {"fieldSelector", watch->target->fields},
    };
    return kube_path(&all, NULL, params, ARRAY_SIZE(params));
}

/* A stream that was open ends one way or the other: closed, cut or silent, it is all the same. */
static WatchEnd stream_end(const Watch *watch, int64_t start_ms)
{
    return !watch->moved && clock_ms() - start_ms < SHORT_MS ? WATCH_SHORT : WATCH_CLOSED;
}

static WatchEnd stream(Watch *watch)
{
    int64_t seconds = STREAM_MIN_S + random_u32() % (STREAM_MAX_S - STREAM_MIN_S + 1);
    DEFER(defer_free) char *path = stream_path(watch, seconds);
    DEFER(kube_response_done) KubeResponse response = {.retry_after_ms = -1};
    const KubeRequest request = {
        .method = "GET",
        .path = path,
        .accept = watch->target->metadata_only ? metadata_type : NULL,
        .timeout_ms = seconds * 1000 + STREAM_SLACK_MS,
        .stop_fd = watch->stop_fd,
    };
    int64_t start_ms = clock_ms();
    Error error;

    watch->sink.silence_ms = watch->state == WATCH_FOLLOW ? SILENCE_MS : LIST_SILENCE_MS;
    watch->opened = watch->moved = watch->failed = false;
    watch_lines_init(&watch->lines, WATCH_LINE_MAX);
    int r = kube_stream(watch->client, &request, &watch->sink, &response, &error);
    watch_lines_done(&watch->lines);
    watch->retry_after_ms = response.retry_after_ms;
    if (watch->failed)
        return watch->failure;
    if (watch->opened) {
        if (r == 0)
            error_fill(&error, ERROR_BUSY, "the server ended the watch early");
        return fail(watch, stream_end(watch, start_ms), &error);
    }
    return r < 0 ? fail(watch, WATCH_AWAY, &error)
                 : fail_status(watch, response.code, response.json);
}

static char *page_path(const Watch *watch, const char *next)
{
    const KubeRef all = {.resource = watch->target->resource,
                         .namespace = watch->target->namespace};
    char limit[24];

    (void)snprintf(limit, sizeof limit, "%d", watch->page_size);
    const KubeParam params[] = {
        {"limit", limit},
        {"continue", next},
        {"labelSelector", watch->target->labels},
        {"fieldSelector", watch->target->fields},
    };
    return kube_path(&all, NULL, params, ARRAY_SIZE(params));
}

/* Lists of built-in kinds leave out what each of their items is. */
static void name_kind(const Watch *watch, cJSON *item)
{
    DEFER(defer_free) char *api_version = kube_api_version(watch->target->resource);

    if (watch->target->metadata_only || json_at(item, "kind") != NULL)
        return;
    json_set_text(item, "apiVersion", api_version);
    json_set_text(item, "kind", watch->target->resource->kind);
}

static void tell_page(Watch *watch, const cJSON *list)
{
    cJSON *items = cJSON_GetObjectItemCaseSensitive(list, "items");

    while (items != NULL && items->child != NULL) {
        cJSON *item = cJSON_DetachItemViaPointer(items, items->child);

        name_kind(watch, item);
        watch_drop_managed_fields(item);
        watch->handler->on_object(watch->handler->context, item, true);
    }
}

static int get_page(Watch *watch, const char *next, KubeResponse *ret_response, Error *reterr)
{
    DEFER(defer_free) char *path = page_path(watch, next);
    const KubeRequest request = {
        .method = "GET",
        .path = path,
        .accept = watch->target->metadata_only ? metadata_list_type : NULL,
        .stop_fd = watch->stop_fd,
    };

    return kube_exchange(watch->client, &request, ret_response, reterr);
}

/* One page; *next becomes where the one after it begins, NULL after the last. */
static WatchEnd list_page(Watch *watch, char **next)
{
    DEFER(kube_response_done) KubeResponse response = {.retry_after_ms = -1};
    Error error;

    if (get_page(watch, *next, &response, &error) < 0) {
        if (error.kind != ERROR_LIMIT)
            return fail(watch, WATCH_AWAY, &error);
        watch->page_size = watch->page_size > 4 ? watch->page_size / 4 : 1;
        return fail(watch, WATCH_GARBLED, &error);
    }
    watch->retry_after_ms = response.retry_after_ms;
    if (response.code != 200)
        return fail_status(watch, response.code, response.json);
    const char *version = json_text(response.json, "metadata.resourceVersion", "");
    const char *more = json_text(response.json, "metadata.continue", "");
    if (*version == '\0') {
        error_fill(&error, ERROR_BUSY, "the API server's list has no resourceVersion");
        return fail(watch, WATCH_GARBLED, &error);
    }
    if (*next == NULL)
        watch->handler->on_sync_begin(watch->handler->context);
    tell_page(watch, response.json);
    free(*next);
    *next = *more != '\0' ? xstrdup(more) : NULL;
    if (*next == NULL)
        tell_synced(watch, version);
    return WATCH_SYNCED;
}

static WatchEnd list_pages(Watch *watch)
{
    DEFER(defer_free) char *next = NULL;
    WatchEnd end;

    do
        end = list_page(watch, &next);
    while (end == WATCH_SYNCED && next != NULL && !is_stopping(watch));
    return end;
}

/* Does what the state says, until that ends. */
static WatchEnd work(Watch *watch)
{
    if (watch->state == WATCH_STREAM_LIST && watch->pages_only)
        watch->state = WATCH_PAGE_LIST;
    watch->retry_after_ms = -1;
    return watch->state == WATCH_PAGE_LIST ? list_pages(watch) : stream(watch);
}

static void tell_trouble(Watch *watch)
{
    if (watch->handler->on_trouble == NULL)
        return;
    error_prefix(&watch->error, "watching %s", watch->target->resource->plural);
    watch->handler->on_trouble(watch->handler->context, &watch->error);
}

static void rest(Watch *watch)
{
    int64_t now = clock_ms();
    struct pollfd stop = {.fd = watch->stop_fd, .events = POLLIN};

    if (now - watch->rested_ms > CALM_MS)
        watch->rests = 0;
    int64_t delay_ms = backoff_delay_ms(&backoff, watch->rests++, random_u32());
    delay_ms = min_i64(max_i64(delay_ms, watch->retry_after_ms), REST_MAX_MS);
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
    const WatchRule *rule = watch_rule(watch->state, end);

    if (end == WATCH_INVALID && watch->state == WATCH_STREAM_LIST)
        watch->pages_only = true;
    watch->state = rule->next;
    if (rule->quiet_tries == WATCH_NEVER_TELL)
        return;
    note_failure(watch, end);
    if (watch->failures > rule->quiet_tries)
        tell_trouble(watch);
    if (rule->rest)
        rest(watch);
}

void watch_run(KubeClient *client, const WatchTarget *target, const WatchHandler *handler,
               int stop_fd)
{
    Watch watch = {
        .client = client,
        .target = target,
        .handler = handler,
        .stop_fd = stop_fd,
        .state = WATCH_STREAM_LIST,
        .version = xstrdup(""),
        .page_size = PAGE_SIZE,
        .sink = {.on_open = on_open, .on_bytes = on_bytes, .context = &watch},
    };

    while (!is_stopping(&watch)) {
        WatchEnd end = work(&watch);

        if (!is_stopping(&watch))
            obey(&watch, end);
    }
    free(watch.version);
}

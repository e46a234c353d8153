#include "watch_fetch.h"

#include <poll.h>

#include "alloc.h"
#include "clock.h"
#include "kube_status.h"

enum {
    PAGE_SIZE = 500,
    STREAM_MIN_S = 300,
    STREAM_MAX_S = 600,
    STREAM_SLACK_MS = 60000, /* beyond which we end a stream that the server should have ended */
    SILENCE_MS = 150000,     /* bookmarks come each minute or two */
    LIST_SILENCE_MS = 30000,
    SHORT_MS = 1000,
    REST_MS = 120000, /* between two requests, at most, a plugin for credentials included */
};

static_assert(STREAM_MAX_S * 1000 + STREAM_SLACK_MS + REST_MS < PULSE_STOPPED_MS,
              "a watch that waits for its stream to end is well");

static const char metadata_type[] = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
static const char metadata_list_type[] =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

bool watch_fetch_stopping(const WatchFetch *fetch)
{
    struct pollfd stop = {.fd = fetch->stop_fd, .events = POLLIN};

    return poll(&stop, 1, 0) > 0;
}

static WatchEnd fail(WatchFetch *fetch, WatchEnd end, const Error *error)
{
    fetch->error = *error;
    return end;
}

/* An answer that is no success, or the Status of an ERROR event. */
static WatchEnd fail_status(WatchFetch *fetch, int64_t code, const cJSON *status)
{
    Error error;

    if (kube_status_read_of(fetch->teller->target->resource, code, status, &error) == 0)
        error_fill(&error, ERROR_BUSY, "an error event without a code");
    return fail(fetch, watch_end_of(code, status), &error);
}

/* Ends the stream from within. */
static bool give_up(WatchFetch *fetch, WatchEnd end)
{
    fetch->failed = true;
    fetch->failure = end;
    return false;
}

static bool on_line(WatchFetch *fetch, const char *line, size_t length)
{
    DEFER(watch_event_done) WatchEvent event = {0};
    Error error;

    if (watch_event_parse(line, length, &event, &error) < 0)
        return give_up(fetch, fail(fetch, WATCH_GARBLED, &error));
    if (event.type == WATCH_EVENT_ERROR)
        return give_up(fetch, fail_status(fetch, json_int(event.object, "code", 0), event.object));
    watch_teller_event(fetch->teller, &event);
    if (fetch->teller->state == WATCH_FOLLOW)
        fetch->sink.silence_ms = SILENCE_MS;
    return true;
}

static bool on_bytes(void *context, const char *bytes, size_t length)
{
    WatchFetch *fetch = context;
    const char *line = NULL;
    size_t line_length = 0;
    Error error;

    pulse_beat(fetch->teller->handler->pulse, clock_ms());
    if (watch_lines_add(&fetch->lines, bytes, length, &error) < 0)
        return give_up(fetch, fail(fetch, WATCH_GARBLED, &error));
    while (watch_lines_next(&fetch->lines, &line, &line_length)) {
        if (!on_line(fetch, line, line_length))
            return false;
    }
    return true;
}

static void on_open(void *context)
{
    WatchFetch *fetch = context;

    fetch->opened = true;
    if (fetch->teller->state == WATCH_STREAM_LIST)
        watch_teller_begin(fetch->teller);
}

void watch_fetch_init(WatchFetch *fetch, KubeClient *client, WatchTeller *teller, int stop_fd)
{
    *fetch = (WatchFetch){
        .client = client,
        .teller = teller,
        .stop_fd = stop_fd,
        .page_size = PAGE_SIZE,
        .sink = {.on_open = on_open, .on_bytes = on_bytes, .context = fetch},
    };
}

static char *stream_path(const WatchFetch *fetch, int64_t seconds)
{
    bool lists = fetch->teller->state == WATCH_STREAM_LIST;
    const KubeRef all = {.resource = fetch->teller->target->resource,
                         .namespace = fetch->teller->target->namespace};
    char limit[24];

    (void)snprintf(limit, sizeof limit, "%" PRId64, seconds);
    const KubeParam params[] = {
        {"watch", "true"},
        {"allowWatchBookmarks", "true"},
        {"sendInitialEvents", lists ? "true" : NULL},
        {"resourceVersionMatch", lists ? "NotOlderThan" : NULL},
        {"resourceVersion", lists ? NULL : fetch->teller->version},
        {"timeoutSeconds", limit},
        {"labelSelector", fetch->teller->target->labels},
        {"fieldSelector", fetch->teller->target->fields},
    };
    return kube_path(&all, NULL, params, ARRAY_SIZE(params));
}

/* A stream that was open ends one way or the other: closed, cut or silent, it is all the same. */
static WatchEnd stream_end(const WatchFetch *fetch, int64_t start_ms)
{
    return !fetch->teller->moved && clock_ms() - start_ms < SHORT_MS ? WATCH_SHORT : WATCH_CLOSED;
}

WatchEnd watch_fetch_stream(WatchFetch *fetch)
{
    int64_t seconds = STREAM_MIN_S + random_u32() % (STREAM_MAX_S - STREAM_MIN_S + 1);
    DEFER(defer_free) char *path = stream_path(fetch, seconds);
    DEFER(kube_response_done) KubeResponse response = {.retry_after_ms = -1};
    const KubeRequest request = {
        .method = "GET",
        .path = path,
        .accept = fetch->teller->target->metadata_only ? metadata_type : NULL,
        .timeout_ms = seconds * 1000 + STREAM_SLACK_MS,
        .stop_fd = fetch->stop_fd,
    };
    int64_t start_ms = clock_ms();
    Error error;

    pulse_beat(fetch->teller->handler->pulse, start_ms);
    fetch->sink.silence_ms = fetch->teller->state == WATCH_FOLLOW ? SILENCE_MS : LIST_SILENCE_MS;
    fetch->opened = fetch->failed = false;
    watch_lines_init(&fetch->lines, WATCH_LINE_MAX);
    int r = kube_stream(fetch->client, &request, &fetch->sink, &response, &error);
    watch_lines_done(&fetch->lines);
    fetch->retry_after_ms = response.retry_after_ms;
    if (fetch->failed)
        return fetch->failure;
    if (fetch->opened) {
        if (r == 0)
            error_fill(&error, ERROR_BUSY, "the server ended the watch early");
        return fail(fetch, stream_end(fetch, start_ms), &error);
    }
    return r < 0 ? fail(fetch, WATCH_AWAY, &error)
                 : fail_status(fetch, response.code, response.json);
}

static char *page_path(const WatchFetch *fetch, const char *next)
{
    const KubeRef all = {.resource = fetch->teller->target->resource,
                         .namespace = fetch->teller->target->namespace};
    char limit[24];

    (void)snprintf(limit, sizeof limit, "%d", fetch->page_size);
    const KubeParam params[] = {
        {"limit", limit},
        {"continue", next},
        {"labelSelector", fetch->teller->target->labels},
        {"fieldSelector", fetch->teller->target->fields},
    };
    return kube_path(&all, NULL, params, ARRAY_SIZE(params));
}

static int get_page(WatchFetch *fetch, const char *next, KubeResponse *ret_response, Error *reterr)
{
    DEFER(defer_free) char *path = page_path(fetch, next);
    const KubeRequest request = {
        .method = "GET",
        .path = path,
        .accept = fetch->teller->target->metadata_only ? metadata_list_type : NULL,
        .stop_fd = fetch->stop_fd,
    };

    return kube_exchange(fetch->client, &request, ret_response, reterr);
}

/* One page; *next becomes where the one after it begins, NULL after the last. */
static WatchEnd list_page(WatchFetch *fetch, char **next)
{
    DEFER(kube_response_done) KubeResponse response = {.retry_after_ms = -1};
    Error error;

    pulse_beat(fetch->teller->handler->pulse, clock_ms());
    if (get_page(fetch, *next, &response, &error) < 0) {
        if (error.kind != ERROR_LIMIT)
            return fail(fetch, WATCH_AWAY, &error);
        fetch->page_size = fetch->page_size > 4 ? fetch->page_size / 4 : 1;
        return fail(fetch, WATCH_GARBLED, &error);
    }
    fetch->retry_after_ms = response.retry_after_ms;
    if (response.code != 200)
        return fail_status(fetch, response.code, response.json);
    const char *version = json_text(response.json, "metadata.resourceVersion", "");
    const char *more = json_text(response.json, "metadata.continue", "");
    if (*version == '\0') {
        error_fill(&error, ERROR_BUSY, "the API server's list has no resourceVersion");
        return fail(fetch, WATCH_GARBLED, &error);
    }
    if (*next == NULL)
        watch_teller_begin(fetch->teller);
    watch_teller_page(fetch->teller, response.json);
    free(*next);
    *next = *more != '\0' ? xstrdup(more) : NULL;
    if (*next == NULL)
        watch_teller_synced(fetch->teller, version);
    return WATCH_SYNCED;
}

WatchEnd watch_fetch_pages(WatchFetch *fetch)
{
    DEFER(defer_free) char *next = NULL;
    WatchEnd end;

    do
        end = list_page(fetch, &next);
    while (end == WATCH_SYNCED && next != NULL && !watch_fetch_stopping(fetch));
    return end;
}

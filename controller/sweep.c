#include "sweep.h"

#include "alloc.h"
#include "api_request.h"
#include "map.h"
#include "subject.h"

enum { PAGES_MAX = 4096 }; /* of 256 streams: a million */

typedef struct Seen {
    uint64_t print; /* of configuration and state */
    uint64_t round;
} Seen;

struct Sweep {
    Map *seen; /* Seen, by tenant */
    uint64_t round;
    Isolation *isolation; /* what this round has found so far */
};

Sweep *sweep_new(void)
{
    Sweep *sweep = xcalloc(1, sizeof *sweep);

    sweep->seen = map_new();
    return sweep;
}

void sweep_free(Sweep *sweep)
{
    if (sweep == NULL)
        return;
    for (MapEntry *at = NULL; (at = map_next(sweep->seen, at)) != NULL;)
        free(map_value(at));
    map_free(sweep->seen);
    isolation_free(sweep->isolation);
    free(sweep);
}

/* FNV-1a over the printed item: it only has to differ when the item does. */
static uint64_t print_add(uint64_t print, const cJSON *item)
{
    DEFER(defer_free) char *text = item != NULL ? json_print(item) : xstrdup("");

    for (const char *c = text; *c != '\0'; c++)
        print = (print ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    return print;
}

/* True if the stream is not as it was last time. One that was not there at the first sweep, which
 * comes before any pass, may have got events since the pass that made it. */
static bool stream_changed(Sweep *sweep, const char *tenant, const cJSON *info)
{
    uint64_t print = print_add(UINT64_C(0xcbf29ce484222325), json_at(info, "config"));
    Seen *seen = map_get(sweep->seen, tenant);

    print = print_add(print, json_at(info, "state"));
    print = print_add(print, json_at(info, "created"));
    bool changed = seen != NULL ? seen->print != print : sweep->round > 1;
    if (seen == NULL) {
        seen = xcalloc(1, sizeof *seen);
        map_add(sweep->seen, tenant, seen);
    }
    seen->print = print;
    seen->round = sweep->round;
    return changed;
}

static void streams_compare(Sweep *sweep, const cJSON *streams, Dispatcher *dispatcher)
{
    const cJSON *info = NULL;
    char tenant[TENANT_ID_MAX + 1];

    cJSON_ArrayForEach (info, streams) {
        if (stream_tenant(json_text(info, "config.name", ""), tenant) &&
            stream_changed(sweep, tenant, info))
            dispatcher_enqueue(dispatcher, tenant, QUEUE_BACKLOG);
    }
}

/* An entry in `missing` has no leader at the moment: that is no deletion, so the round is void. */
static int page_read(NatsConnection *nats, int64_t offset, cJSON **ret_reply, Error *reterr)
{
    DEFER(defer_json) cJSON *request = cJSON_CreateObject();
    DEFER(defer_json) cJSON *reply = NULL;

    json_set_int(request, "offset", offset);
    if (api_request(nats, request, &reply, reterr, "STREAM.LIST") < 0)
        return -1;
    if (cJSON_GetArraySize(json_at(reply, "missing")) > 0)
        return error_set(reterr, ERROR_BUSY, "streams without a leader at the moment: %d",
                         cJSON_GetArraySize(json_at(reply, "missing")));
    *ret_reply = TAKE(reply);
    return 0;
}

static void vanished_enqueue(Sweep *sweep, Dispatcher *dispatcher)
{
    for (MapEntry *at = map_next(sweep->seen, NULL); at != NULL;) {
        const char *tenant = map_key(at);
        const Seen *seen = map_value(at);

        at = map_next(sweep->seen, at);
        if (seen->round == sweep->round)
            continue;
        dispatcher_enqueue(dispatcher, tenant, QUEUE_BACKLOG);
        free(map_remove(sweep->seen, tenant));
    }
}

static void isolation_read(Isolation *isolation, const cJSON *streams)
{
    const cJSON *info = NULL;

    cJSON_ArrayForEach (info, streams) {
        isolation_add(isolation, json_at(info, "config"));
    }
}

/* Takes one page in; *offset moves behind it, or becomes -1 after the last. */
static int page_sweep(Sweep *sweep, NatsConnection *nats, const SweepListeners *listeners,
                      int64_t *offset, Error *reterr)
{
    DEFER(defer_json) cJSON *reply = NULL;

    if (page_read(nats, *offset, &reply, reterr) < 0)
        return -1;
    const cJSON *streams = json_at(reply, "streams");
    streams_compare(sweep, streams, listeners->dispatcher);
    isolation_read(sweep->isolation, streams);
    *offset += cJSON_GetArraySize(streams);
    if (cJSON_GetArraySize(streams) == 0 || *offset >= json_int(reply, "total", 0))
        *offset = -1;
    return 0;
}

int sweep_run(Sweep *sweep, NatsConnection *nats, const SweepListeners *listeners, Error *reterr)
{
    int64_t offset = 0;

    sweep->round++;
    isolation_free(sweep->isolation);
    sweep->isolation = isolation_new();
    for (int page = 0; page < PAGES_MAX && offset >= 0; page++) {
        if (page_sweep(sweep, nats, listeners, &offset, reterr) < 0)
            return -1;
    }
    vanished_enqueue(sweep, listeners->dispatcher);
    fleet_swept(listeners->fleet, TAKE(sweep->isolation));
    return 0;
}

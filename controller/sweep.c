#include "sweep.h"

#include "alloc.h"
#include "api_request.h"
#include "clock.h"
#include "stream_print.h"
#include "subject.h"

enum { PAGES_MAX = 4096 }; /* of 256 streams: a million */

static void streams_tell(const cJSON *streams, Dispatcher *dispatcher)
{
    const cJSON *info = NULL;
    char tenant[TENANT_ID_MAX + 1];

    cJSON_ArrayForEach (info, streams) {
        if (stream_tenant(json_text(info, "config.name", ""), tenant))
            dispatcher_swept(dispatcher, tenant, stream_print(info));
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

static void isolation_read(Isolation *isolation, const cJSON *streams)
{
    const cJSON *info = NULL;

    cJSON_ArrayForEach (info, streams) {
        isolation_add(isolation, json_at(info, "config"));
    }
}

/* Takes one page in; *offset moves behind it, or becomes -1 after the last. */
static int page_sweep(NatsConnection *nats, Dispatcher *dispatcher, Isolation *isolation,
                      int64_t *offset, Error *reterr)
{
    DEFER(defer_json) cJSON *reply = NULL;

    if (page_read(nats, *offset, &reply, reterr) < 0)
        return -1;
    const cJSON *streams = json_at(reply, "streams");
    streams_tell(streams, dispatcher);
    isolation_read(isolation, streams);
    *offset += cJSON_GetArraySize(streams);
    if (cJSON_GetArraySize(streams) == 0 || *offset >= json_int(reply, "total", 0))
        *offset = -1;
    return 0;
}

int sweep_run(NatsConnection *nats, const SweepListeners *listeners, Error *reterr)
{
    DEFER(defer_isolation) Isolation *isolation = isolation_new();
    int64_t offset = 0;

    dispatcher_sweep_begin(listeners->dispatcher);
    for (int page = 0; page < PAGES_MAX && offset >= 0; page++) {
        pulse_beat(listeners->pulse, clock_ms());
        if (page_sweep(nats, listeners->dispatcher, isolation, &offset, reterr) < 0)
            return -1;
    }
    dispatcher_sweep_end(listeners->dispatcher);
    fleet_swept(listeners->fleet, TAKE(isolation));
    return 0;
}

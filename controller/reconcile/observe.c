#include "observe.h"

#include "api_error.h"
#include "api_request.h"

enum { CONSUMERS_MAX = 100000 }; /* a stream of ours has 64; more were made by others */

/* One page; -1 on failure, else how many came. */
static int64_t page_read(NatsConnection *nats, const char *stream, cJSON *consumers, Error *reterr)
{
    DEFER(defer_json) cJSON *request = cJSON_CreateObject();
    DEFER(defer_json) cJSON *reply = NULL;
    int64_t count = 0;

    json_set_int(request, "offset", cJSON_GetArraySize(consumers));
    if (api_request(nats, request, &reply, reterr, "CONSUMER.LIST.%s", stream) < 0)
        return -1;
    if (cJSON_GetArraySize(json_at(reply, "missing")) > 0)
        return error_set(reterr, ERROR_BUSY,
                         "stream %s: some of its consumers have no leader at the moment", stream);

    cJSON *page = cJSON_GetObjectItemCaseSensitive(reply, "consumers");
    while (page != NULL && page->child != NULL) {
        (void)cJSON_AddItemToArray(consumers, cJSON_DetachItemViaPointer(page, page->child));
        count++;
    }
    return json_int(reply, "total", 0) > cJSON_GetArraySize(consumers) ? count : 0;
}

static int consumers_read(NatsConnection *nats, const char *stream, cJSON **ret_consumers,
                          Error *reterr)
{
    DEFER(defer_json) cJSON *consumers = cJSON_CreateArray();
    int64_t more;

    do {
        more = page_read(nats, stream, consumers, reterr);
        if (more < 0)
            return -1;
    } while (more > 0 && cJSON_GetArraySize(consumers) < CONSUMERS_MAX);
    *ret_consumers = TAKE(consumers);
    return 0;
}

int observe(NatsConnection *nats, const char *stream, Observed *ret_observed, Error *reterr)
{
    DEFER(observed_done) Observed observed = {0};
    Error error;

    if (api_request(nats, NULL, &observed.stream, &error, "STREAM.INFO.%s", stream) < 0) {
        if (error.kind != ERROR_NOT_FOUND) {
            *reterr = error;
            return -1;
        }
        *ret_observed = (Observed){0};
        return 0;
    }
    if (json_int(observed.stream, "state.consumer_count", 0) == 0)
        observed.consumers = cJSON_CreateArray();
    else if (consumers_read(nats, stream, &observed.consumers, reterr) < 0)
        return -1;
    ret_observed->stream = TAKE(observed.stream);
    ret_observed->consumers = TAKE(observed.consumers);
    return 0;
}

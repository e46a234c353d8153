#include "watch_events.h"

static const char *const type_names[] = {
    [WATCH_EVENT_ADDED] = "ADDED",     [WATCH_EVENT_MODIFIED] = "MODIFIED",
    [WATCH_EVENT_DELETED] = "DELETED", [WATCH_EVENT_BOOKMARK] = "BOOKMARK",
    [WATCH_EVENT_ERROR] = "ERROR",
};

void watch_event_done(WatchEvent *event)
{
    cJSON_Delete(event->object);
    *event = (WatchEvent){0};
}

void watch_drop_managed_fields(cJSON *object)
{
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");

    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "managedFields");
}

static int parse_type(const cJSON *line, WatchEventType *ret_type, Error *reterr)
{
    const char *name = json_text(line, "type", "");

    for (size_t i = 0; i < ARRAY_SIZE(type_names); i++) {
        if (text_eq(name, type_names[i])) {
            *ret_type = (WatchEventType)i;
            return 0;
        }
    }
    return error_set(reterr, ERROR_INVALID, "a watch event of type '%.40s'", name);
}

/* The annotation's name has dots, which a path of json_at() cannot say. */
static bool is_initial_end(const cJSON *object)
{
    const cJSON *end = cJSON_GetObjectItemCaseSensitive(json_at(object, "metadata.annotations"),
                                                        "k8s.io/initial-events-end");

    return cJSON_IsString(end) && text_eq(end->valuestring, "true");
}

static int check_event(const WatchEvent *event, Error *reterr)
{
    if (!cJSON_IsObject(event->object))
        return error_set(reterr, ERROR_INVALID, "a watch event without an object");
    if (event->type == WATCH_EVENT_ERROR)
        return 0;
    if (*event->version == '\0')
        return error_set(reterr, ERROR_INVALID, "a watch event without a resourceVersion");
    if (event->type != WATCH_EVENT_BOOKMARK &&
        *json_text(event->object, "metadata.name", "") == '\0')
        return error_set(reterr, ERROR_INVALID, "a watch event without a name");
    return 0;
}

int watch_event_parse(const char *line, size_t length, WatchEvent *ret_event, Error *reterr)
{
    DEFER(defer_json) cJSON *json = NULL;
    WatchEvent event = {0};

    if (json_parse(line, length, &json, reterr) < 0)
        return error_wrap(reterr, "a watch event");
    if (parse_type(json, &event.type, reterr) < 0)
        return -1;
    event.object = cJSON_DetachItemFromObjectCaseSensitive(json, "object");
    event.version = event.type == WATCH_EVENT_ERROR
                        ? ""
                        : json_text(event.object, "metadata.resourceVersion", "");
    if (check_event(&event, reterr) < 0) {
        watch_event_done(&event);
        return -1;
    }
    event.initial_end = event.type == WATCH_EVENT_BOOKMARK && is_initial_end(event.object);
    watch_drop_managed_fields(event.object);
    *ret_event = event;
    return 0;
}

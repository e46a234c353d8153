#include "kube_event.h"

#include "alloc.h"

enum {
    NAME_MAX_BYTES = 200, /* of 253, so that the unique end always fits */
    EVENT_TIMEOUT_MS = 5000,
};

static const KubeResource events = {
    .group = "events.k8s.io", .version = "v1", .plural = "events", .kind = "Event"};

/* The length of NOTE up to MAX bytes, never in the middle of a character of UTF-8. */
static size_t cut_length(const char *note, size_t max)
{
    size_t length = strlen(note);

    if (length <= max)
        return length;
    for (length = max; length > 0 && ((unsigned char)note[length] & 0xC0) == 0x80;)
        length--;
    return length;
}

static const char *event_namespace(const KubeEvent *event)
{
    return json_text(event->regarding, "metadata.namespace", "default");
}

static cJSON *reference(const cJSON *object)
{
    static const char *const members[][2] = {
        {"apiVersion", "apiVersion"}, {"kind", "kind"},
        {"name", "metadata.name"},    {"namespace", "metadata.namespace"},
        {"uid", "metadata.uid"},      {"resourceVersion", "metadata.resourceVersion"},
    };
    cJSON *regarding = cJSON_CreateObject();

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const char *text = json_text(object, members[i][1], NULL);

        if (text != NULL)
            json_set_text(regarding, members[i][0], text);
    }
    return regarding;
}

cJSON *kube_event_object(const KubeEvent *event, const char *time, uint64_t unique)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *metadata = cJSON_CreateObject();
    DEFER(defer_free)
    char *note = xstrndup(event->note, cut_length(event->note, KUBE_EVENT_NOTE_MAX));
    DEFER(defer_free)
    char *name = xasprintf("%.*s.%016" PRIx64, NAME_MAX_BYTES,
                           json_text(event->regarding, "metadata.name", "unknown"), unique);

    json_set_text(object, "apiVersion", "events.k8s.io/v1");
    json_set_text(object, "kind", "Event");
    json_set_text(metadata, "name", name);
    json_set_text(metadata, "namespace", event_namespace(event));
    json_set(object, "metadata", metadata);
    json_set_text(object, "eventTime", time);
    json_set_text(object, "reportingController", event->controller);
    json_set_text(object, "reportingInstance", event->instance);
    json_set_text(object, "type", event->warning ? "Warning" : "Normal");
    json_set_text(object, "reason", event->reason);
    json_set_text(object, "action", event->action);
    json_set_text(object, "note", note);
    json_set(object, "regarding", reference(event->regarding));
    return object;
}

/* Whoever waits for an Event should not wait long. */
static int send(KubeClient *client, const KubeRequest *request, Error *reterr)
{
    DEFER(kube_response_done) KubeResponse response = {0};
    KubeRequest timed = *request;

    timed.timeout_ms = EVENT_TIMEOUT_MS;
    return kube_request(client, &timed, &response, reterr);
}

int kube_event_post(KubeClient *client, const cJSON *event, Error *reterr)
{
    const KubeRef ref = {.resource = &events,
                         .namespace = json_text(event, "metadata.namespace", "default")};
    DEFER(defer_free) char *path = kube_path(&ref, NULL, NULL, 0);

    return send(client, &(KubeRequest){.method = "POST", .path = path, .body = event}, reterr);
}

int kube_event_count(KubeClient *client, const cJSON *event, Error *reterr)
{
    const KubeRef ref = {.resource = &events,
                         .namespace = json_text(event, "metadata.namespace", "default"),
                         .name = json_text(event, "metadata.name", "")};
    DEFER(defer_free) char *path = kube_path(&ref, NULL, NULL, 0);
    DEFER(defer_json) cJSON *body = cJSON_CreateObject();

    json_set(body, "series", cJSON_Duplicate(json_at(event, "series"), true));
    return send(client,
                &(KubeRequest){.method = "PATCH",
                               .path = path,
                               .body = body,
                               .content_type = "application/merge-patch+json"},
                reterr);
}

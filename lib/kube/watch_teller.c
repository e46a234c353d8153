#include "watch_teller.h"

#include "alloc.h"

void watch_teller_init(WatchTeller *teller, const WatchTarget *target, const WatchHandler *handler)
{
    *teller = (WatchTeller){
        .handler = handler,
        .target = target,
        .state = WATCH_STREAM_LIST,
        .version = xstrdup(""),
    };
}

void watch_teller_done(WatchTeller *teller)
{
    free(teller->version);
    teller->version = NULL;
}

static void set_version(WatchTeller *teller, const char *version)
{
    char *copy = xstrdup(version);

    free(teller->version);
    teller->version = copy;
}

void watch_teller_begin(WatchTeller *teller)
{
    teller->handler->on_sync_begin(teller->handler->context);
}

void watch_teller_synced(WatchTeller *teller, const char *version)
{
    teller->moved = true;
    teller->state = watch_rule(teller->state, WATCH_SYNCED)->next;
    teller->handler->on_synced(teller->handler->context);
    set_version(teller, version);
}

/* Initial events come in no order of versions, so that none of them is one to go on from. */
static void note_version(WatchTeller *teller, const char *version)
{
    if (teller->state == WATCH_FOLLOW && kube_version_compare(version, teller->version) <= 0)
        return; /* an old one told again is no progress */
    teller->moved = true;
    if (teller->state == WATCH_FOLLOW)
        set_version(teller, version);
}

void watch_teller_event(WatchTeller *teller, WatchEvent *event)
{
    const WatchHandler *handler = teller->handler;
    bool initial = teller->state != WATCH_FOLLOW;
    DEFER(defer_free) char *version = xstrdup(event->version);

    assert(event->type != WATCH_EVENT_ERROR);
    if (event->type == WATCH_EVENT_DELETED)
        handler->on_delete(handler->context, event->object);
    else if (event->type != WATCH_EVENT_BOOKMARK)
        handler->on_object(handler->context, TAKE(event->object), initial);
    if (initial && event->initial_end)
        watch_teller_synced(teller, version);
    else
        note_version(teller, version);
}

/* Lists of built-in kinds leave out what each of their items is. */
static void name_kind(const WatchTeller *teller, cJSON *item)
{
    const KubeResource *resource = teller->target->resource;
    DEFER(defer_free) char *api_version = kube_api_version(resource);

    if (teller->target->metadata_only || json_at(item, "kind") != NULL)
        return;
    json_set_text(item, "apiVersion", api_version);
    json_set_text(item, "kind", resource->kind);
}

void watch_teller_page(WatchTeller *teller, const cJSON *list)
{
    cJSON *items = cJSON_GetObjectItemCaseSensitive(list, "items");

    while (items != NULL && items->child != NULL) {
        cJSON *item = cJSON_DetachItemViaPointer(items, items->child);

        name_kind(teller, item);
        watch_drop_managed_fields(item);
        teller->handler->on_object(teller->handler->context, item, true);
    }
}

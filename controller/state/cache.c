#include "cache.h"

#include "alloc.h"
#include "map.h"

/* Annotations that ask for a look at the object: ours, and the one that Flux sets. */
static const char *const requests[] = {
    "bulkhead.dev/reconcile-at",
    "reconcile.fluxcd.io/requestedAt",
    "bulkhead.dev/data-loss-seen",
};

typedef struct Cached {
    char *version;
    char *concern; /* all that a worker acts upon: uid, generation, deletion, requests */
    char *text;
    CacheNote note;
    bool seen; /* since cache_sync_begin */
} Cached;

struct Cache {
    Map *objects; /* Cached, by name */
    CacheVersionCompare *compare;
};

Cache *cache_new(CacheVersionCompare *compare)
{
    Cache *cache = xcalloc(1, sizeof *cache);

    cache->objects = map_new();
    cache->compare = compare;
    return cache;
}

static void cached_free(Cached *cached)
{
    free(cached->version);
    free(cached->concern);
    free(cached->text);
    free(cached->note.draft);
    free(cached);
}

void cache_free(Cache *cache)
{
    if (cache == NULL)
        return;
    for (MapEntry *at = NULL; (at = map_next(cache->objects, at)) != NULL;)
        cached_free(map_value(at));
    map_free(cache->objects);
    free(cache);
}

static char *concern_of(const cJSON *object)
{
    const cJSON *annotations = json_at(object, "metadata.annotations");
    const char *asked[ARRAY_SIZE(requests)];

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        asked[i] = json_text(cJSON_GetObjectItemCaseSensitive(annotations, requests[i]), "", "");
    return xasprintf("%s\n%" PRId64 "\n%s\n%s\n%s\n%s", json_text(object, "metadata.uid", ""),
                     json_int(object, "metadata.generation", 0),
                     json_text(object, "metadata.deletionTimestamp", ""), asked[0], asked[1],
                     asked[2]);
}

static Cached *cached_add(Cache *cache, const char *name)
{
    Cached *cached = xcalloc(1, sizeof *cached);

    cached->concern = xstrdup(""); /* unlike that of any object */
    map_add(cache->objects, name, cached);
    return cached;
}

static bool is_newer(const Cache *cache, const Cached *cached, const cJSON *object)
{
    return cache->compare(json_text(object, "metadata.resourceVersion", ""), cached->version) > 0;
}

static CacheChange cached_replace(Cached *cached, const cJSON *object)
{
    DEFER(defer_free) char *concern = concern_of(object);
    bool changed = !text_eq(concern, cached->concern);

    free(cached->version);
    free(cached->concern);
    free(cached->text);
    cached->version = xstrdup(json_text(object, "metadata.resourceVersion", ""));
    cached->concern = TAKE(concern);
    cached->text = json_print(object);
    return changed ? CACHE_CHANGED : CACHE_QUIET;
}

CacheChange cache_put(Cache *cache, const cJSON *object)
{
    const char *name = json_text(object, "metadata.name", "");
    Cached *cached = map_get(cache->objects, name);
    bool known = cached != NULL;

    if (!known)
        cached = cached_add(cache, name);
    cached->seen = true;
    return known && !is_newer(cache, cached, object) ? CACHE_STALE : cached_replace(cached, object);
}

CacheChange cache_store(Cache *cache, const cJSON *object)
{
    Cached *cached = map_get(cache->objects, json_text(object, "metadata.name", ""));
    bool news = cached != NULL && is_newer(cache, cached, object);

    return news ? cached_replace(cached, object) : CACHE_STALE;
}

bool cache_delete(Cache *cache, const cJSON *object)
{
    const char *name = json_text(object, "metadata.name", "");
    Cached *cached = map_get(cache->objects, name);
    const char *version = json_text(object, "metadata.resourceVersion", "");

    if (cached == NULL || cache->compare(version, cached->version) < 0)
        return false;
    cached_free(map_remove(cache->objects, name));
    return true;
}

char *cache_get(const Cache *cache, const char *name)
{
    const Cached *cached = map_get(cache->objects, name);

    return cached != NULL ? xstrdup(cached->text) : NULL;
}

CacheNote *cache_note(Cache *cache, const char *name)
{
    Cached *cached = map_get(cache->objects, name);

    return cached != NULL ? &cached->note : NULL;
}

void cache_sync_begin(Cache *cache)
{
    for (MapEntry *at = NULL; (at = map_next(cache->objects, at)) != NULL;)
        ((Cached *)map_value(at))->seen = false;
}

void cache_sync_end(Cache *cache, void (*gone)(void *context, const char *name), void *context)
{
    for (MapEntry *at = map_next(cache->objects, NULL); at != NULL;) {
        const char *name = map_key(at);
        const Cached *cached = map_value(at);

        at = map_next(cache->objects, at);
        if (cached->seen)
            continue;
        gone(context, name);
        cached_free(map_remove(cache->objects, name));
    }
}

void cache_each(const Cache *cache, void (*each)(void *context, const char *name), void *context)
{
    for (MapEntry *at = NULL; (at = map_next(cache->objects, at)) != NULL;)
        each(context, map_key(at));
}

size_t cache_count(const Cache *cache)
{
    return map_count(cache->objects);
}

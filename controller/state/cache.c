#include "cache.h"

#include <uthash.h>

#include "alloc.h"

/* Annotations that ask for a look at the object: ours, and the one that Flux sets. */
static const char *const requests[] = {
    "bulkhead.dev/reconcile-at",
    "reconcile.fluxcd.io/requestedAt",
    "bulkhead.dev/data-loss-seen",
};

typedef struct Cached {
    UT_hash_handle hh;
    char *name;
    char *version;
    char *concern; /* all that a worker acts upon: uid, generation, deletion, requests */
    char *text;
    int64_t note;
    bool seen; /* since cache_sync_begin */
} Cached;

struct Cache {
    Cached *objects; /* by name */
    CacheVersionCompare *compare;
};

Cache *cache_new(CacheVersionCompare *compare)
{
    Cache *cache = xcalloc(1, sizeof *cache);

    cache->compare = compare;
    return cache;
}

static void cached_free(Cache *cache, Cached *cached)
{
    HASH_DEL(cache->objects, cached);
    free(cached->name);
    free(cached->version);
    free(cached->concern);
    free(cached->text);
    free(cached);
}

void cache_free(Cache *cache)
{
    Cached *cached = NULL;
    Cached *next = NULL;

    if (cache == NULL)
        return;
    HASH_ITER(hh, cache->objects, cached, next)
    {
        cached_free(cache, cached);
    }
    free(cache);
}

static Cached *cached_find(const Cache *cache, const char *name)
{
    Cached *cached = NULL;

    HASH_FIND_STR(cache->objects, name, cached);
    return cached;
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

    cached->name = xstrdup(name);
    cached->version = xstrdup("");
    cached->concern = xstrdup("");
    HASH_ADD_KEYPTR(hh, cache->objects, cached->name, strlen(cached->name), cached);
    return cached;
}

CacheChange cache_put(Cache *cache, const cJSON *object)
{
    const char *version = json_text(object, "metadata.resourceVersion", "");
    const char *name = json_text(object, "metadata.name", "");
    Cached *cached = cached_find(cache, name);

    if (cached == NULL)
        cached = cached_add(cache, name);
    cached->seen = true;
    if (cache->compare(version, cached->version) <= 0)
        return CACHE_STALE;

    DEFER(defer_free) char *concern = concern_of(object);
    bool changed = !text_eq(concern, cached->concern);

    free(cached->version);
    free(cached->concern);
    free(cached->text);
    cached->version = xstrdup(version);
    cached->concern = TAKE(concern);
    cached->text = json_print(object);
    return changed ? CACHE_CHANGED : CACHE_QUIET;
}

bool cache_delete(Cache *cache, const cJSON *object)
{
    Cached *cached = cached_find(cache, json_text(object, "metadata.name", ""));
    const char *version = json_text(object, "metadata.resourceVersion", "");

    if (cached == NULL || cache->compare(version, cached->version) < 0)
        return false;
    cached_free(cache, cached);
    return true;
}

char *cache_get(const Cache *cache, const char *name)
{
    const Cached *cached = cached_find(cache, name);

    return cached != NULL ? xstrdup(cached->text) : NULL;
}

void cache_note_set(Cache *cache, const char *name, int64_t note)
{
    Cached *cached = cached_find(cache, name);

    if (cached != NULL)
        cached->note = note;
}

int64_t cache_note(const Cache *cache, const char *name)
{
    const Cached *cached = cached_find(cache, name);

    return cached != NULL ? cached->note : 0;
}

void cache_sync_begin(Cache *cache)
{
    for (Cached *cached = cache->objects; cached != NULL; cached = cached->hh.next)
        cached->seen = false;
}

void cache_sync_end(Cache *cache, void (*gone)(void *context, const char *name), void *context)
{
    Cached *cached = NULL;
    Cached *next = NULL;

    HASH_ITER(hh, cache->objects, cached, next)
    {
        if (cached->seen)
            continue;
        gone(context, cached->name);
        cached_free(cache, cached);
    }
}

void cache_each(const Cache *cache, void (*each)(void *context, const char *name), void *context)
{
    for (const Cached *cached = cache->objects; cached != NULL; cached = cached->hh.next)
        each(context, cached->name);
}

size_t cache_count(const Cache *cache)
{
    return HASH_COUNT(cache->objects);
}

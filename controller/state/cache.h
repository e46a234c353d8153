/* The newest known state of every object of a kind, as text. Pure; dispatcher.c holds the lock.
 *
 * Objects are kept as compact JSON, not as trees, so that ten thousand of them cost a few
 * kilobytes each. Time never goes back: what is older than what is known is dropped. */
#ifndef CACHE_H
#define CACHE_H

#include "json.h"

typedef enum CacheChange {
    CACHE_STALE,   /* older than what is known, or the same: ignored         */
    CACHE_QUIET,   /* status or labels, or our own write: nothing to act upon */
    CACHE_CHANGED, /* new, another spec, a deletion, a request to look again  */
} CacheChange;

/* <0, 0, >0 as resource version A is older than, the same as or newer than B. */
typedef int CacheVersionCompare(const char *a, const char *b);

typedef struct Cache Cache;

Cache *cache_new(CacheVersionCompare *compare) __attribute__((__returns_nonnull__));
void cache_free(Cache *cache);

/* Keeps OBJECT, as the watch or a list brings it; borrowed. */
CacheChange cache_put(Cache *cache, const cJSON *object);

/* Keeps OBJECT, as a write of our own brought it back, if an older one is known. The answer to a
 * write may come after the news of a deletion, and would bring back what is gone. */
CacheChange cache_store(Cache *cache, const cJSON *object);

/* Forgets the object, unless a newer one of that name is known; true if it was forgotten. */
bool cache_delete(Cache *cache, const cJSON *object);

/* The object's text, the caller's (free); NULL if it is not known. */
char *cache_get(const Cache *cache, const char *name);

/* What the owner of the cache keeps with an object: all 0 until it is set. */
typedef struct CacheNote {
    int64_t counted_ms; /* when its numbers were last written            */
    uint64_t print;     /* of its stream, as last looked at; 0: none     */
    uint32_t sweep;     /* the last one that saw the stream              */
    bool doubt;         /* a write failed: the object may be newer than what is kept */
    char *draft;        /* a status that is still to be written, or NULL */
} CacheNote;

/* Borrowed until the object is forgotten; NULL if it is not known. */
CacheNote *cache_note(Cache *cache, const char *name);

/* A whole list follows ... */
void cache_sync_begin(Cache *cache);

/* ... and is over: what was not put meanwhile is gone. Calls GONE with each such name. */
void cache_sync_end(Cache *cache, void (*gone)(void *context, const char *name), void *context);

void cache_each(const Cache *cache, void (*each)(void *context, const char *name), void *context);
size_t cache_count(const Cache *cache);

#endif

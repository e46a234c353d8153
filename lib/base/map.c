#include "map.h"

#include <uthash.h>

#include "alloc.h"

struct MapEntry {
    UT_hash_handle hh;
    void *value;
    char key[];
};

struct Map {
    MapEntry *entries;
};

Map *map_new(void)
{
    return xcalloc(1, sizeof(Map));
}

/* uthash's macros are long, and the analyzer cannot follow what they free:
 * NOLINTBEGIN(readability-function-size, clang-analyzer-unix.Malloc) */

void map_free(Map *map)
{
    MapEntry *entry = NULL;
    MapEntry *next = NULL;

    if (map == NULL)
        return;
    HASH_ITER(hh, map->entries, entry, next)
    {
        HASH_DEL(map->entries, entry);
        free(entry);
    }
    free(map);
}

static MapEntry *find(const Map *map, const char *key)
{
    MapEntry *entry = NULL;

    HASH_FIND_STR(map->entries, key, entry);
    return entry;
}

void map_add(Map *map, const char *key, void *value)
{
    size_t length = strlen(key);
    MapEntry *entry = xcalloc(1, sizeof *entry + length + 1);

    assert(value != NULL);
    assert(find(map, key) == NULL);
    memcpy(entry->key, key, length + 1);
    entry->value = value;
    HASH_ADD_KEYPTR(hh, map->entries, entry->key, length, entry);
}

void *map_remove(Map *map, const char *key)
{
    MapEntry *entry = find(map, key);

    if (entry == NULL)
        return NULL;
    void *value = entry->value;
    HASH_DEL(map->entries, entry);
    free(entry);
    return value;
}

/* NOLINTEND(readability-function-size, clang-analyzer-unix.Malloc) */

void *map_get(const Map *map, const char *key)
{
    const MapEntry *entry = find(map, key);

    return entry != NULL ? entry->value : NULL;
}

size_t map_count(const Map *map)
{
    return HASH_COUNT(map->entries);
}

MapEntry *map_next(const Map *map, const MapEntry *entry)
{
    return entry == NULL ? map->entries : entry->hh.next;
}

const char *map_key(const MapEntry *entry)
{
    return entry->key;
}

void *map_value(const MapEntry *entry)
{
    return entry->value;
}

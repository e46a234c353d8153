/* A map from texts to pointers. Over uthash, whose macros stay in map.c. */
#ifndef MAP_H
#define MAP_H

#include "base.h"

typedef struct Map Map;

Map *map_new(void) __attribute__((__returns_nonnull__));

/* The values are the caller's: take them out or free them before. Takes NULL. */
void map_free(Map *map);

/* NULL if there is none. */
void *map_get(const Map *map, const char *key);

/* KEY is copied and must be new; VALUE is not NULL. */
void map_add(Map *map, const char *key, void *value);

/* The value that was there, NULL if none. */
void *map_remove(Map *map, const char *key);

size_t map_count(const Map *map);

/* Walks over all values in the order in which they came: give NULL first, then what came last, and
 * NULL ends it. Take the next step before removing an entry. */
typedef struct MapEntry MapEntry;
MapEntry *map_next(const Map *map, const MapEntry *entry);
const char *map_key(const MapEntry *entry);
void *map_value(const MapEntry *entry);

#endif

/* JSON that is too large for a tree: its values as parts of its text, each parsed when its turn
 * comes. Pure.
 *
 * The answer of a NATS server with ten thousand streams has ten megabytes; a tree of it takes ten
 * times as much. */
#ifndef JSON_PART_H
#define JSON_PART_H

#include "json.h"

/* A value in a longer text, borrowed. */
typedef struct JsonPart {
    const char *text; /* NULL: there is none */
    size_t length;
} JsonPart;

enum { JSON_SMALL_MAX = 7 };

/* Which members of an object are wanted. */
typedef struct JsonMembers {
    const char *small[JSON_SMALL_MAX + 1]; /* up to the first NULL: parsed */
    const char *large;                     /* NULL: none; left as text */
} JsonMembers;

/* Reads an object. Of the members that are WANTED, *ret_tree has the small ones; it is the caller's
 * (cJSON_Delete). *ret_large is the large one, none where it is missing; RET_LARGE may be NULL
 * where no large one is wanted. What else is in it is passed over, and looked at no closer than it
 * takes to find its end. ERROR_INVALID for anything but an object, for what nests deeper than 100
 * levels, and for a small member of more than a megabyte. */
int json_part_object(JsonPart part, const JsonMembers *wanted, cJSON **ret_tree,
                     JsonPart *ret_large, Error *reterr) MUST_CHECK;

/* Its value is -1, with *reterr set, to end the walk. */
typedef int JsonElementFn(void *context, JsonPart element, Error *reterr);

/* Calls EACH with the elements of an array in their order, until one fails. None and null have no
 * elements. ERROR_INVALID as above; what came before the place that cannot be read was called. */
int json_part_each(JsonPart part, JsonElementFn *each, void *context, Error *reterr) MUST_CHECK;

#endif

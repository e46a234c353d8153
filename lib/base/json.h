/* JSON, read by path and written without losing a digit. Over cJSON.
 *
 * cJSON keeps numbers as doubles and prints large ones as 2.592e+15, which the NATS
 * server refuses: integers are written with json_set_int only. */
#ifndef JSON_H
#define JSON_H

#include <cjson/cJSON.h>

#include "base.h"
#include "error.h"

DEFINE_DEFER(cJSON *, defer_json, cJSON_Delete)

/* An allocation that fails inside cJSON ends the process, as everywhere (ADR-0002). Call once. */
void json_init(void);

/* Parses LENGTH bytes that hold one value and nothing after it. ERROR_INVALID otherwise, and when
 * it nests deeper than 100 levels. *ret_json is the caller's (cJSON_Delete). */
int json_parse(const char *text, size_t length, cJSON **ret_json, Error *reterr) MUST_CHECK;

/* Without white space. The caller frees it. */
char *json_print(const cJSON *json) __attribute__((__returns_nonnull__));

/* The item at "a.b.c", or NULL where any of the three is missing; JSON itself at "". A key with a
 * dot in it is not reached so. JSON may be NULL. */
const cJSON *json_at(const cJSON *json, const char *path);

/* The string, integer or boolean at PATH, or FALLBACK where it is missing or of another type, as a
 * fraction is no integer. One that was parsed is exact up to 2^53 and, where it is a multiple of
 * 64, up to 2^59, as any duration in whole milliseconds is; beyond 2^63 it is saturated. The text
 * is borrowed. */
const char *json_text(const cJSON *json, const char *path, const char *fallback);
int64_t json_int(const cJSON *json, const char *path, int64_t fallback);
bool json_bool(const cJSON *json, const char *path, bool fallback);

/* Sets a member of OBJECT, replacing one of that name. */
void json_set_int(cJSON *object, const char *name, int64_t number);
void json_set_text(cJSON *object, const char *name, const char *text);
void json_set_bool(cJSON *object, const char *name, bool truth);

/* Takes ITEM over. */
void json_set(cJSON *object, const char *name, cJSON *item);

/* An exact integer as a value of its own, for arrays. */
cJSON *json_new_int(int64_t number);

/* What was parsed is written back without losing a digit that was read: every integer in it is as
 * json_set_int() makes them. */
void json_set_integers(cJSON *json);

/* Same value, whatever the order of members. An integer that was set equals what is read back of
 * it. NULL equals NULL alone. */
bool json_equal(const cJSON *a, const cJSON *b);

#endif

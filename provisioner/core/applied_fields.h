/* What we applied to an object before: server-side apply takes away every field that a new apply
 * no longer has, so that a change of one field repeats the others. Pure. */
#ifndef APPLIED_FIELDS_H
#define APPLIED_FIELDS_H

#include "json.h"

/* The part of OBJECT (metadata and spec) that MANAGER owns by apply, with its present values. An
 * object with an empty metadata and spec where it owns nothing. The caller's. */
cJSON *applied_fields(const cJSON *object, const char *manager)
    __attribute__((__returns_nonnull__));

#endif

/* A status that a pass found right and left to be written later, as text. Pure. */
#ifndef DRAFT_H
#define DRAFT_H

#include "tenant.h"

/* The caller's (free). */
char *draft_print(const Tenant *tenant, const cJSON *status) __attribute__((__returns_nonnull__));

/* The status, the caller's (cJSON_Delete); NULL if it was made for another state of TENANT. */
cJSON *draft_read(const char *draft, const Tenant *tenant);

#endif

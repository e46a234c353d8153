/* Which streams of the account reach into a tenant's subjects, or copy its stream. Pure.
 *
 * JetStream itself refuses streams whose subjects overlap, but not one that copies another, nor one
 * that republishes into it, nor one that takes the subjects of a tenant beside its events. */
#ifndef ISOLATION_H
#define ISOLATION_H

#include "json.h"
#include "surroundings.h"

/* What was found in one look at all streams. */
typedef struct Isolation Isolation;

Isolation *isolation_new(void) __attribute__((__returns_nonnull__));
void isolation_free(Isolation *self); /* takes NULL */
DEFINE_DEFER(Isolation *, defer_isolation, isolation_free)

/* Takes a stream's CONFIG into account, as the server reports it. */
void isolation_add(Isolation *self, const cJSON *config);

/* What overlaps the tenant, in words; "" if nothing does. TENANT_ID need not have a stream. */
void isolation_find(const Isolation *self, const char *tenant_id, char ret[INTRUDERS_SIZE]);

/* Calls CHANGED for each tenant that A and B do not say the same of; with NULL where that may be
 * true of every one. A may be NULL: then of those that B has something on. */
void isolation_compare(const Isolation *a, const Isolation *b,
                       void (*changed)(void *context, const char *tenant_id), void *context);

#endif

/* The fields of a Tenant's spec that are not JetStream's: modes, policies, limits, the relay. Pure.
 */
#ifndef TENANT_FIELDS_H
#define TENANT_FIELDS_H

#include "field.h"

/* Paths are relative to spec. fields_build makes the settings that tenant.c and relay_settings.c
 * read: flat, under the rows' API names. */
extern const FieldTable tenant_fields;

#endif

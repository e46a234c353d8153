/* The grammar of tenants' names and everything built from them: subjects and stream names.
 *
 * nats.c checks neither subjects nor header keys, so nothing reaches it that did not come
 * out of here. The same grammar stands as CEL in crds/ and as CHECK in relay/schema/. */
#ifndef SUBJECT_H
#define SUBJECT_H

#include "base.h"

enum {
    TENANT_ID_MAX = 40,
    EVENT_TYPE_MAX = 128,
    STREAM_NAME_SIZE = sizeof "TENANT_" + TENANT_ID_MAX,
    SUBJECT_SIZE = sizeof "tenant..events." + TENANT_ID_MAX + EVENT_TYPE_MAX,
};

/* ^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$ : one subject token, lower case only. */
bool tenant_id_valid(const char *id);

/* One or more tokens of [A-Za-z0-9_-], joined by single dots; at most EVENT_TYPE_MAX bytes. */
bool event_type_valid(const char *type);

/* "acme" -> "TENANT_ACME". '-' is kept, so that two tenants never share a stream. */
void stream_name(const char *tenant_id, char ret_name[STREAM_NAME_SIZE]);

/* "TENANT_ACME" -> "acme"; false if it is not the name of a tenant's stream. */
bool stream_tenant(const char *stream, char ret_tenant_id[TENANT_ID_MAX + 1]);

/* ("acme", "invoice-created") -> "tenant.acme.events.invoice-created". EVENT_TYPE may also be
 * the wildcard "*" or ">". Both must be valid. */
void event_subject(const char *tenant_id, const char *event_type, char ret_subject[SUBJECT_SIZE]);

#endif

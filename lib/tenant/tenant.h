/* The Tenant kind: what an object says, and the JetStream configuration it stands for. Pure.
 *
 * Two steps, because an object whose spec is wrong still needs a status: tenant_parse takes what
 * every object has, tenant_desired checks all of the spec again, as an object may be older than
 * the CRD's rules. */
#ifndef TENANT_H
#define TENANT_H

#include "error.h"
#include "json.h"
#include "relay_settings.h"
#include "subject.h"

#define TENANT_API_VERSION "bulkhead.dev/v1alpha1"
#define TENANT_KIND        "Tenant"
#define TENANT_FINALIZER   "bulkhead.dev/cleanup"
#define TENANT_PAUSED      "9999-12-31T23:59:59Z" /* pause_until of a suspended tenant's consumers */

enum { TENANT_CONSUMERS_MAX = 64, CONSUMER_NAME_MAX = 64 };

typedef enum TenantMode {
    TENANT_ENFORCE,
    TENANT_OBSERVE, /* report differences, change nothing                         */
    TENANT_SUSPEND, /* hold the traffic; the configuration is still kept right    */
} TenantMode;

/* Texts and JSON are borrowed from the object, which must outlive this. */
typedef struct Tenant {
    const char *id; /* metadata.name */
    const char *uid;
    const char *resource_version;
    const char *deletion_timestamp; /* NULL: not being deleted */
    int64_t generation;
    bool has_finalizer; /* ours */
    bool delete_data;   /* deletionPolicy: Delete */
    bool adopt;         /* spec.stream.adoption: Adopt */
    TenantMode mode;    /* TENANT_OBSERVE for a word that is not known: it changes nothing */
    char stream[STREAM_NAME_SIZE]; /* "" if the id is not valid; tenant_desired says so */
    const cJSON *metadata;
    const cJSON *spec;
    const cJSON *status; /* NULL: none yet */
} Tenant;

/* ERROR_INVALID if OBJECT has no name, uid or resourceVersion: it did not come from the API. */
int tenant_parse(const cJSON *object, Tenant *ret_tenant, Error *reterr) MUST_CHECK;

/* True if the spec has a consumer of this NAME. */
bool tenant_declares_consumer(const Tenant *tenant, const char *name);

/* What the configuration depends on beside the spec. */
typedef struct TenantScope {
    const char *cluster; /* uid of the namespace kube-system */
    int64_t api_level;   /* of the NATS server               */
    int64_t replicas;    /* of a stream that names none      */
} TenantScope;

typedef struct TenantConsumer {
    char name[CONSUMER_NAME_MAX + 1];
    cJSON *config; /* for CONSUMER.CREATE: total, with names, filters and marks */
} TenantConsumer;

typedef struct TenantDesired {
    cJSON *stream; /* for STREAM.CREATE and STREAM.UPDATE: total, with name, subjects and marks */
    TenantConsumer consumers[TENANT_CONSUMERS_MAX]; /* as the spec orders them */
    size_t consumer_count;
    RelaySettings relay;
} TenantDesired;

/* ERROR_INVALID, with the path, for a name or value that the CRD would have refused;
 * ERROR_UNSUPPORTED for a field that the server does not know yet. */
int tenant_desired(const Tenant *tenant, const TenantScope *scope, TenantDesired *ret_desired,
                   Error *reterr) MUST_CHECK;

/* Takes a zeroed one, too. */
void tenant_desired_done(TenantDesired *desired);

/* Index of the consumer named NAME, or -1. */
int tenant_consumer_find(const TenantDesired *desired, const char *name);

#endif

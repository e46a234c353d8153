/* What an answer of the API server means to us: HTTP code and Status object become an Error.
 * Pure. */
#ifndef KUBE_STATUS_H
#define KUBE_STATUS_H

#include "error.h"
#include "json.h"
#include "kube_path.h"

/* 404 NOT_FOUND, 409 CONFLICT, 410 EXPIRED, 401 and 403 DENIED, 400 and 422 INVALID, 507 LIMIT;
 * 408, 429, 5xx and 0 (no answer) BUSY; what else is not 2xx is REFUSED. */
ErrorKind kube_status_kind(int64_t http_code);

/* 0 for 2xx; else -1 with the kind, the code and the message of the Status BODY (may be NULL). */
int kube_status_read(int64_t http_code, const cJSON *body, Error *reterr) MUST_CHECK;

/* The same for an answer about objects of RESOURCE: a 404 that names no object means that the API
 * server does not know the kind, and is ERROR_REFUSED. So ERROR_NOT_FOUND is always its word that
 * this one object is not there, never that of a proxy or of a server without our CRD. */
int kube_status_read_of(const KubeResource *resource, int64_t http_code, const cJSON *body,
                        Error *reterr) MUST_CHECK;

/* True if the Status says that a list or watch cannot go on from its resource version. */
bool kube_status_expired(int64_t http_code, const cJSON *status);

/* True if this server has not yet seen the resource version that was asked for. */
bool kube_status_version_ahead(const cJSON *status);

#endif

/* Resources and their URLs. Pure. */
#ifndef KUBE_PATH_H
#define KUBE_PATH_H

#include "base.h"

/* A kind, as URLs name it. Borrowed, constant texts. */
typedef struct KubeResource {
    const char *group; /* "" is the core group */
    const char *version;
    const char *plural;
    const char *kind;
} KubeResource;

/* An object, or with NAME NULL all objects of a kind. NAMESPACE NULL: cluster-scoped, or every
 * namespace. Borrowed. */
typedef struct KubeRef {
    const KubeResource *resource;
    const char *namespace;
    const char *name;
} KubeRef;

typedef struct KubeParam {
    const char *name;
    const char *value; /* NULL: this one is left out */
} KubeParam;

/* "/apis/bulkhead.dev/v1alpha1/tenants/acme/status?fieldManager=x", percent-encoded, of any
 * length. SUBRESOURCE may be NULL. The caller frees it. */
char *kube_path(const KubeRef *ref, const char *subresource, const KubeParam *params, size_t count)
    __attribute__((__returns_nonnull__));

/* "bulkhead.dev/v1alpha1", or "v1" in the core group. The caller frees it. */
char *kube_api_version(const KubeResource *resource) __attribute__((__returns_nonnull__));

/* <0, 0, >0 as resource version A is older than, the same as or newer than B. NULL and "" are
 * older than any. Digits compare by length, then as text (KEP-5504). */
int kube_version_compare(const char *a, const char *b);

#endif

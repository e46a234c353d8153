/* Connections to the API server, kept and reused. For kube_client.c; safe from any thread. */
#ifndef KUBE_POOL_H
#define KUBE_POOL_H

#include "kube_auth.h"
#include "kube_transfer.h"

typedef struct KubePool KubePool;

/* CONFIG and AUTH are borrowed. ERROR_INVALID where the server's address is none. */
int kube_pool_new(const KubeConfig *config, KubeAuth *auth, const char *name, KubePool **ret_pool,
                  Error *reterr) MUST_CHECK;

/* Closes them. Takes NULL. */
void kube_pool_free(KubePool *pool);
DEFINE_DEFER(KubePool *, defer_kube_pool, kube_pool_free)

const char *kube_pool_host(const KubePool *pool); /* "host:port", for metrics */
const char *kube_pool_url(const KubePool *pool);  /* what paths follow        */

/* A header to send with each request, or NULL. */
const char *kube_pool_host_header(const KubePool *pool);

/* A handle whose connection was made in TLS_EPOCH and that nothing broke since, or a new one. */
KubeHandle *kube_pool_take(KubePool *pool, uint64_t tls_epoch) __attribute__((__returns_nonnull__));

/* Takes it back after TRANSFER; only one that came to its end is kept. */
void kube_pool_return(KubePool *pool, KubeHandle *handle, const KubeTransfer *transfer);

/* Closes those that nobody has used for QUIET_MS. */
void kube_pool_trim(KubePool *pool, int64_t quiet_ms);

#endif

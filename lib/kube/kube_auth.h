/* What we are to the API server: token, client certificate and the CA we trust it by, kept
 * fresh. For kube_client.c; safe from any thread. */
#ifndef KUBE_AUTH_H
#define KUBE_AUTH_H

#include <curl/curl.h>

#include "base.h"
#include "error.h"
#include "kube_config.h"

enum { KUBE_REREAD_MS = 60000 };

typedef struct KubeAuth KubeAuth;

/* CONFIG is borrowed. ERROR_INVALID where one of its files cannot be read. A plugin runs with
 * the first request. */
int kube_auth_new(const KubeConfig *config, KubeAuth **ret_auth, Error *reterr) MUST_CHECK;

/* Takes NULL. */
void kube_auth_free(KubeAuth *auth);
DEFINE_DEFER(KubeAuth *, defer_kube_auth, kube_auth_free)

typedef struct KubeAuthEpoch {
    uint64_t looked; /* which look at the files and the plugin this was */
    uint64_t tls;    /* a connection made under another must not be used any more */
} KubeAuthEpoch;

/* Looks at the files again, at most every KUBE_REREAD_MS or after kube_auth_refused(), and runs
 * the plugin if its credential is over. ERROR_DENIED or ERROR_BUSY where that gave none. */
int kube_auth_refresh(KubeAuth *auth, KubeAuthEpoch *ret_epoch, Error *reterr) MUST_CHECK;

/* The server did not accept what EPOCH was: the next refresh looks at once. */
void kube_auth_refused(KubeAuth *auth, const KubeAuthEpoch *epoch);

/* Certificates, keys and names for a new connection. */
void kube_auth_set_tls(KubeAuth *auth, CURL *easy);

/* Adds Authorization and impersonation. The list holds a secret: kube_headers_free(). */
struct curl_slist *kube_auth_add_headers(KubeAuth *auth, struct curl_slist *headers);

/* Wipes and frees. Takes NULL. */
void kube_headers_free(struct curl_slist *headers);
DEFINE_DEFER(struct curl_slist *, defer_headers, kube_headers_free)

struct curl_slist *kube_header_add(struct curl_slist *headers, const char *header);

#endif

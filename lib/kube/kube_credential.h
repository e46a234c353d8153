/* What a credential plugin answers: an ExecCredential. Pure. */
#ifndef KUBE_CREDENTIAL_H
#define KUBE_CREDENTIAL_H

#include "base.h"
#include "error.h"
#include "secret_file.h"

typedef struct KubeCredential {
    Secret token;
    Secret client_cert; /* PEM */
    Secret client_key;  /* PEM */
    int64_t expires_ms; /* wall clock; INT64_MAX: not said */
} KubeCredential;

/* API_VERSION is the one that was asked for. ERROR_DENIED where the answer is not of it, or has
 * neither a token nor certificate and key. */
int kube_credential_parse(const char *text, size_t length, const char *api_version,
                          KubeCredential *ret_credential, Error *reterr) MUST_CHECK;
void kube_credential_done(KubeCredential *credential);

/* "2026-11-23T12:00:00Z", with fractions or another offset too. ERROR_INVALID otherwise. */
int kube_time_parse(const char *text, int64_t *ret_wall_ms, Error *reterr) MUST_CHECK;

#endif

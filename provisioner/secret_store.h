/* The secrets that count now, from files that are replaced while we run. */
#ifndef SECRET_STORE_H
#define SECRET_STORE_H

#include "signature.h"

typedef struct SecretStore SecretStore;

/* PATHS as for file_set_read(). Nothing is read yet. */
SecretStore *secret_store_new(const char *paths, SignatureForm form)
    __attribute__((__returns_nonnull__));

/* Takes NULL. */
void secret_store_free(SecretStore *store);

/* Reads the files again; *ret_changed says whether they hold something else. On failure, and where
 * there is no secret in them (ERROR_INVALID), the old ones go on. */
int secret_store_refresh(SecretStore *store, bool *ret_changed, Error *reterr) MUST_CHECK;

/* signature_verify() with the secrets that count now. From any thread. */
int secret_store_verify(SecretStore *store, const SignedMessage *message,
                        const SignatureRules *rules, int64_t *ret_signed_ms, Problem *retproblem)
    MUST_CHECK;

#endif

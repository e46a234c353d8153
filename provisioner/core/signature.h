/* Whether a request was signed with one of our secrets: the forms of Standard Webhooks 1.0, GitHub
 * and Stripe. Over libcrypto's HMAC. Pure.
 *
 * The raw bytes are verified before anyone parses them. Every secret and every signature is
 * compared, each in constant time, so that the time taken tells nothing about either. */
#ifndef SIGNATURE_H
#define SIGNATURE_H

#include "error.h"
#include "problem.h"

enum {
    SIGNATURE_KEYS_MAX = 16,
    SIGNATURE_KEY_SIZE = 128,
    SIGNATURE_ID_MAX = 256,
};

/*                           headers                                              signed */
typedef enum SignatureForm {
    SIGNATURE_STANDARD, /*   webhook-id, webhook-timestamp, webhook-signature     id.timestamp.body
                         */
    SIGNATURE_GITHUB, /*   x-hub-signature-256: sha256=...                      body              */
    SIGNATURE_STRIPE, /*   stripe-signature: t=...,v1=...                       timestamp.body    */
} SignatureForm;

/* "standard", "github", "stripe"; false for anything else. */
bool signature_form_parse(const char *text, SignatureForm *ret_form);

typedef struct SignatureKey {
    unsigned char bytes[SIGNATURE_KEY_SIZE];
    size_t length;
} SignatureKey;

typedef struct SignatureKeys {
    SignatureKey keys[SIGNATURE_KEYS_MAX];
    size_t count;
} SignatureKeys;

/* Adds the secrets of TEXT, one a line; empty lines and those that begin with '#' are left out. In
 * the form of Standard Webhooks a secret is base64, with or without "whsec_" before it, of 24 to 64
 * bytes; in the others the line itself, of at least 16. ERROR_INVALID, with the line's number and
 * never its text, otherwise. */
int signature_keys_add(SignatureKeys *keys, SignatureForm form, const char *text, Error *reterr)
    MUST_CHECK;

/* Wipes them. */
void signature_keys_done(SignatureKeys *keys);

/* Headers are NULL where the request has none. */
typedef struct SignedMessage {
    const char *id;        /* SIGNATURE_STANDARD */
    const char *timestamp; /* SIGNATURE_STANDARD */
    const char *signature;
    const char *body; /* as it was received; of a GET: the path */
    size_t length;
} SignedMessage;

typedef struct SignatureRules {
    SignatureForm form;
    int64_t now_ms; /* since 1970 */
    int64_t tolerance_ms;
} SignatureRules;

/* *ret_signed_ms: the time under the signature, -1 where the form has none. */
int signature_verify(const SignedMessage *message, const SignatureRules *rules,
                     const SignatureKeys *keys, int64_t *ret_signed_ms, Problem *retproblem)
    MUST_CHECK;

#endif

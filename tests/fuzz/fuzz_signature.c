/* Signature headers of all forms. Nothing is accepted that was not signed: the fuzzer does not know
 * the secret, so that it can never be right but with what the corpus shows it. */
#include "fuzz_input.h"
#include "signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

static void read_keys(const char *text, SignatureForm form)
{
    SignatureKeys keys = {0};
    Error error;

    if (signature_keys_add(&keys, form, text, &error) == 0)
        assert(keys.count <= SIGNATURE_KEYS_MAX);
    signature_keys_done(&keys);
}

static void verify(const SignedMessage *message, SignatureForm form)
{
    const SignatureRules rules = {
        .form = form, .now_ms = INT64_C(1614265330000), .tolerance_ms = 300000};
    SignatureKeys keys = {0};
    Problem problem = {0};
    int64_t signed_ms = 0;
    Error error;

    if (signature_keys_add(&keys, form, secret, &error) < 0)
        abort();
    if (signature_verify(message, &rules, &keys, &signed_ms, &problem) < 0)
        assert(problem.detail[0] != '\0' && strlen(problem.detail) < sizeof problem.detail);
    else
        assert(message->signature != NULL && (form == SIGNATURE_GITHUB) == (signed_ms == -1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {(const char *)data, size};
    DEFER(defer_free) char *form = fuzz_line(&input);
    DEFER(defer_free) char *id = fuzz_line(&input);
    DEFER(defer_free) char *timestamp = fuzz_line(&input);
    DEFER(defer_free) char *signature = fuzz_line(&input);
    DEFER(defer_free) char *body = fuzz_rest(&input);
    const SignatureForm form_kind = (SignatureForm)(form != NULL ? (unsigned char)*form % 3 : 0);
    const SignedMessage message = {.id = id,
                                   .timestamp = timestamp,
                                   .signature = signature,
                                   .body = body,
                                   .length = input.left};

    verify(&message, form_kind);
    read_keys(body, form_kind);
    return 0;
}

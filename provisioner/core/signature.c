#include "signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "digest.h"
#include "text.h"
#include "units.h"

enum {
    MAC_SIZE = 32,
    MAC_TEXT_SIZE = 2 * MAC_SIZE + 1, /* hexadecimal; base64 is shorter */
    KEY_BYTES_MIN = 24,
    KEY_BYTES_MAX = 64,
    PLAIN_KEY_MIN = 16,
    KEY_TEXT_MAX = SIGNATURE_KEY_SIZE,
    CANDIDATES_MAX = 32,
    HEADER_MAX = 4096,
    SIGNED_EXTRA_MAX = SIGNATURE_ID_MAX + 32,
};

static const int64_t timestamp_max_s = INT64_C(253402300799); /* 9999-12-31 */

static const char *const form_names[] = {
    [SIGNATURE_STANDARD] = "standard",
    [SIGNATURE_GITHUB] = "github",
    [SIGNATURE_STRIPE] = "stripe",
};

bool signature_form_parse(const char *text, SignatureForm *ret_form)
{
    for (size_t i = 0; i < ARRAY_SIZE(form_names); i++) {
        if (text_eq(text, form_names[i])) {
            *ret_form = (SignatureForm)i;
            return true;
        }
    }
    return false;
}

void signature_keys_done(SignatureKeys *keys)
{
    OPENSSL_cleanse(keys, sizeof *keys);
}

/* Strict: the alphabet, '=' at the end alone, which may be left out. */
static int base64_read(const char *text, size_t length, SignatureKey *ret_key)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char padded[KEY_TEXT_MAX + 4];
    unsigned char bytes[KEY_TEXT_MAX];

    for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
        length--;
    if (length == 0 || length > KEY_TEXT_MAX || length % 4 == 1)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (strchr(alphabet, text[i]) == NULL)
            return -1;
    }
    memcpy(padded, text, length);
    memset(padded + length, '=', 4);
    int decoded =
        EVP_DecodeBlock(bytes, (const unsigned char *)padded, (int)((length + 3) / 4 * 4));
    ret_key->length = length * 3 / 4;
    assert(decoded >= (int)ret_key->length);
    memcpy(ret_key->bytes, bytes, ret_key->length);
    OPENSSL_cleanse(bytes, sizeof bytes);
    OPENSSL_cleanse(padded, sizeof padded);
    return 0;
}

static int standard_key_read(const char *line, size_t length, SignatureKey *ret_key, Error *reterr)
{
    static const char prefix[] = "whsec_";

    if (length >= strlen(prefix) && memcmp(line, prefix, strlen(prefix)) == 0) {
        line += strlen(prefix);
        length -= strlen(prefix);
    }
    if (base64_read(line, length, ret_key) < 0)
        return error_set(reterr, ERROR_INVALID, "the secret is not base64");
    if (ret_key->length < KEY_BYTES_MIN || ret_key->length > KEY_BYTES_MAX)
        return error_set(reterr, ERROR_INVALID, "the secret is not %d to %d bytes long",
                         KEY_BYTES_MIN, KEY_BYTES_MAX);
    return 0;
}

static int plain_key_read(const char *line, size_t length, SignatureKey *ret_key, Error *reterr)
{
    if (length < PLAIN_KEY_MIN || length > SIGNATURE_KEY_SIZE)
        return error_set(reterr, ERROR_INVALID, "the secret is not %d to %d characters long",
                         PLAIN_KEY_MIN, SIGNATURE_KEY_SIZE);
    memcpy(ret_key->bytes, line, length);
    ret_key->length = length;
    return 0;
}

static size_t without_space(const char *line, size_t length)
{
    while (length > 0 && strchr(" \t\r", line[length - 1]) != NULL)
        length--;
    return length;
}

static int key_add(SignatureKeys *keys, SignatureForm form, const char *line, size_t length,
                   Error *reterr)
{
    if (keys->count == SIGNATURE_KEYS_MAX)
        return error_set(reterr, ERROR_INVALID, "more than %d secrets", SIGNATURE_KEYS_MAX);
    SignatureKey *key = &keys->keys[keys->count];
    if ((form == SIGNATURE_STANDARD ? standard_key_read : plain_key_read)(line, length, key,
                                                                          reterr) < 0)
        return -1;
    keys->count++;
    return 0;
}

int signature_keys_add(SignatureKeys *keys, SignatureForm form, const char *text, Error *reterr)
{
    for (int number = 1; *text != '\0'; number++) {
        size_t line = strcspn(text, "\n");
        size_t length = without_space(text, line);

        if (length > 0 && *text != '#' && key_add(keys, form, text, length, reterr) < 0)
            return error_wrap(reterr, "line %d", number);
        text += line + (text[line] == '\n' ? 1 : 0);
    }
    return 0;
}

/* The texts that a header holds, any of which may be the right one. */
typedef struct Candidates {
    struct {
        const char *at;
        size_t length;
    } items[CANDIDATES_MAX];
    size_t count;
    const char *timestamp; /* Stripe's; ends at ',' or at the end */
} Candidates;

static int candidate_add(Candidates *candidates, const char *at, size_t length, Problem *retproblem)
{
    if (candidates->count == CANDIDATES_MAX)
        return problem_set(retproblem, PROBLEM_MALFORMED_SIGNATURE, "more than %d signatures",
                           CANDIDATES_MAX);
    candidates->items[candidates->count].at = at;
    candidates->items[candidates->count].length = length;
    candidates->count++;
    return 0;
}

/* One word of the header: "v1,...", "t=...", "v1=..." or "sha256=...". What is of another scheme
 * is left out, as the forms want it. */
static int word_read(SignatureForm form, const char *word, size_t length, Candidates *ret,
                     Problem *retproblem)
{
    static const char *const prefixes[] = {
        [SIGNATURE_STANDARD] = "v1,",
        [SIGNATURE_GITHUB] = "sha256=",
        [SIGNATURE_STRIPE] = "v1=",
    };
    const char *prefix = prefixes[form];

    if (form == SIGNATURE_STRIPE && length > 2 && memcmp(word, "t=", 2) == 0 &&
        ret->timestamp == NULL)
        ret->timestamp = word + 2;
    if (length <= strlen(prefix) || memcmp(word, prefix, strlen(prefix)) != 0)
        return 0;
    return candidate_add(ret, word + strlen(prefix), length - strlen(prefix), retproblem);
}

static int header_read(SignatureForm form, const char *header, Candidates *ret, Problem *retproblem)
{
    static const char *const separators[] = {
        [SIGNATURE_STANDARD] = " ",
        [SIGNATURE_GITHUB] = " ",
        [SIGNATURE_STRIPE] = ", ",
    };

    if (strlen(header) > HEADER_MAX)
        return problem_set(retproblem, PROBLEM_MALFORMED_SIGNATURE,
                           "the signature header is longer than %d bytes", HEADER_MAX);
    for (const char *at = header; *at != '\0';) {
        size_t length = strcspn(at, separators[form]);

        if (word_read(form, at, length, ret, retproblem) < 0)
            return -1;
        at += length + (at[length] != '\0' ? 1 : 0);
    }
    return 0;
}

/* Printable, without '.', which separates the signed parts. */
static bool id_valid(const char *id)
{
    size_t length = strlen(id);

    for (size_t i = 0; i < length; i++) {
        if (id[i] <= ' ' || id[i] > '~' || id[i] == '.')
            return false;
    }
    return length > 0 && length <= SIGNATURE_ID_MAX;
}

static int timestamp_read(const char *text, size_t length, int64_t *ret_ms, Problem *retproblem)
{
    char digits[16];
    Error ignored;

    if (length == 0 || length >= sizeof digits)
        return problem_set(retproblem, PROBLEM_MALFORMED_SIGNATURE,
                           "the timestamp is not a number of seconds");
    memcpy(digits, text, length);
    digits[length] = '\0';
    if (count_parse(digits, 0, timestamp_max_s, ret_ms, &ignored) < 0)
        return problem_set(retproblem, PROBLEM_MALFORMED_SIGNATURE,
                           "the timestamp is not a number of seconds");
    *ret_ms *= 1000;
    return 0;
}

static int parts_present(const SignedMessage *message, SignatureForm form, Problem *retproblem)
{
    static const char *const wanted[] = {
        [SIGNATURE_STANDARD] = "webhook-id, webhook-timestamp and webhook-signature",
        [SIGNATURE_GITHUB] = "x-hub-signature-256",
        [SIGNATURE_STRIPE] = "stripe-signature",
    };
    bool standard = form == SIGNATURE_STANDARD;

    if (message->signature == NULL ||
        (standard && (message->id == NULL || message->timestamp == NULL)))
        return problem_set(retproblem, PROBLEM_NO_SIGNATURE, "the request must have %s",
                           wanted[form]);
    if (standard && !id_valid(message->id))
        return problem_set(retproblem, PROBLEM_MALFORMED_SIGNATURE,
                           "webhook-id must be 1 to %d printable characters without '.'",
                           SIGNATURE_ID_MAX);
    return 0;
}

/* What the sender put under its signature. */
static void signed_text(const SignedMessage *message, SignatureForm form, const char *timestamp,
                        size_t timestamp_length, Text *text)
{
    if (form == SIGNATURE_STANDARD)
        text_addf(text, "%s.", message->id);
    if (form != SIGNATURE_GITHUB) {
        text_add_bytes(text, timestamp, timestamp_length);
        text_add(text, ".");
    }
    text_add_bytes(text, message->body, message->length);
    assert(!text->full);
}

/* As the form writes it; the length says which. */
static size_t mac_text(SignatureForm form, const SignatureKey *key, const Text *text,
                       char ret_mac[MAC_TEXT_SIZE])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (HMAC(EVP_sha256(), key->bytes, (int)key->length, (const unsigned char *)text_get(text),
             text->length, mac, &length) == NULL)
        abort(); /* memory alone can be missing */
    assert(length == MAC_SIZE);
    if (form == SIGNATURE_STANDARD)
        return (size_t)EVP_EncodeBlock((unsigned char *)ret_mac, mac, (int)length);
    hex_text(mac, length, ret_mac);
    return strlen(ret_mac);
}

static bool any_matches(SignatureForm form, const SignatureKeys *keys, const Text *text,
                        const Candidates *candidates)
{
    int matches = 0;

    for (size_t k = 0; k < keys->count; k++) {
        char mac[MAC_TEXT_SIZE];
        size_t length = mac_text(form, &keys->keys[k], text, mac);

        for (size_t c = 0; c < candidates->count; c++) {
            if (candidates->items[c].length == length)
                matches |= CRYPTO_memcmp(candidates->items[c].at, mac, length) == 0;
        }
    }
    return matches != 0;
}

int signature_verify(const SignedMessage *message, const SignatureRules *rules,
                     const SignatureKeys *keys, int64_t *ret_signed_ms, Problem *retproblem)
{
    DEFER(text_done) Text text = TEXT_MAX(message->length + SIGNED_EXTRA_MAX);
    Candidates candidates = {.timestamp = message->timestamp};
    int64_t signed_ms = -1;
    size_t length = 0;

    if (parts_present(message, rules->form, retproblem) < 0 ||
        header_read(rules->form, message->signature, &candidates, retproblem) < 0)
        return -1;
    if (rules->form != SIGNATURE_GITHUB) {
        const char *timestamp = candidates.timestamp != NULL ? candidates.timestamp : "";

        length = rules->form == SIGNATURE_STRIPE ? strcspn(timestamp, ",") : strlen(timestamp);
        if (timestamp_read(timestamp, length, &signed_ms, retproblem) < 0)
            return -1;
    }
    signed_text(message, rules->form, candidates.timestamp, length, &text);
    if (!any_matches(rules->form, keys, &text, &candidates))
        return problem_set(retproblem, PROBLEM_BAD_SIGNATURE,
                           "no signature was made with one of our secrets over this body");
    if (signed_ms >= 0 && llabs(rules->now_ms - signed_ms) > rules->tolerance_ms)
        return problem_set(retproblem, PROBLEM_STALE,
                           "the timestamp is more than %" PRId64 " s away from our clock",
                           rules->tolerance_ms / 1000);
    *ret_signed_ms = signed_ms;
    return 0;
}

#include "nkey.h"

#include <openssl/evp.h>

/* A seed is two bytes that say what it is, the key and a checksum; a public key has one byte. In
 * base 32 without padding: 58 and 56 letters. */
enum {
    KEY_BYTES = 32,
    CHECK_BYTES = 2,
    SEED_HEAD = 2,
    SEED_BYTES = SEED_HEAD + KEY_BYTES + CHECK_BYTES,
    SEED_LETTERS = (SEED_BYTES * 8 + 4) / 5,
    PUBLIC_BYTES = 1 + KEY_BYTES + CHECK_BYTES,
    PREFIX_SEED = 18 << 3,
    PREFIX_USER = 20 << 3,
};

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char blanks[] = " \t\r\n";

/* CRC-16/XMODEM, as NKeys use it. */
static uint16_t checksum(const uint8_t *bytes, size_t length)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < length; i++) {
        sum ^= (uint32_t)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            sum = (sum & 0x8000) != 0 ? sum << 1 ^ 0x1021 : sum << 1;
    }
    return (uint16_t)sum;
}

static bool decode(const char *text, uint8_t ret_bytes[SEED_BYTES])
{
    uint32_t bits = 0;
    int held = 0;
    size_t length = 0;

    for (size_t i = 0; i < SEED_LETTERS; i++) {
        const char *letter = strchr(letters, text[i]);

        if (letter == NULL)
            return false;
        bits = bits << 5 | (uint32_t)(letter - letters);
        held += 5;
        if (held >= 8 && length < SEED_BYTES) {
            held -= 8;
            ret_bytes[length++] = (uint8_t)(bits >> held);
        }
    }
    return true;
}

static void encode(const uint8_t bytes[PUBLIC_BYTES], char ret_text[NKEY_PUBLIC_SIZE])
{
    uint32_t bits = 0;
    int held = 0;
    size_t length = 0;

    for (size_t i = 0; i < PUBLIC_BYTES; i++) {
        bits = bits << 8 | bytes[i];
        for (held += 8; held >= 5; held -= 5)
            ret_text[length++] = letters[bits >> (held - 5) & 31];
    }
    assert(held == 0 && length == NKEY_PUBLIC_SIZE - 1);
    ret_text[length] = '\0';
}

/* Whether these are the bytes of a user's seed, undamaged. */
static bool is_user_seed(const uint8_t seed[SEED_BYTES])
{
    const size_t checked = SEED_BYTES - CHECK_BYTES;
    const uint16_t sum = checksum(seed, checked);

    return (seed[0] & 0xF8) == PREFIX_SEED && ((seed[0] & 7) << 5 | seed[1] >> 3) == PREFIX_USER &&
           seed[checked] == (sum & 0xFF) && seed[checked + 1] == sum >> 8;
}

static void defer_key(EVP_PKEY **slot)
{
    EVP_PKEY_free(*slot);
}

static int derive(const uint8_t seed[SEED_BYTES], char ret_public[NKEY_PUBLIC_SIZE], Error *reterr)
{
    uint8_t public[PUBLIC_BYTES] = {PREFIX_USER};
    size_t length = KEY_BYTES;
    DEFER(defer_key)
    EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed + SEED_HEAD, KEY_BYTES);

    if (key == NULL || EVP_PKEY_get_raw_public_key(key, public + 1, &length) != 1)
        return error_set(reterr, ERROR_INVALID, "OpenSSL cannot use the seed");
    const uint16_t sum = checksum(public, PUBLIC_BYTES - CHECK_BYTES);

    public[PUBLIC_BYTES - 2] = (uint8_t)(sum & 0xFF);
    public[PUBLIC_BYTES - 1] = (uint8_t)(sum >> 8);
    encode(public, ret_public);
    return 0;
}

/* The first word that looks like one, or NULL. */
static const char *find_seed(const char *text)
{
    for (text += strspn(text, blanks); *text != '\0'; text += strspn(text, blanks)) {
        size_t length = strcspn(text, blanks);

        if (length == SEED_LETTERS && text_starts(text, "SU"))
            return text;
        text += length;
    }
    return NULL;
}

int nkey_public(const char *text, char ret_public[NKEY_PUBLIC_SIZE], Error *reterr)
{
    uint8_t seed[SEED_BYTES];
    const char *word = find_seed(text);

    if (word == NULL)
        return error_set(reterr, ERROR_INVALID, "holds no user's NKey seed (SU...)");
    int r = decode(word, seed) && is_user_seed(seed)
                ? derive(seed, ret_public, reterr)
                : error_set(reterr, ERROR_INVALID, "holds a damaged NKey seed");
    explicit_bzero(seed, sizeof seed);
    return r;
}

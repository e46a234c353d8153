#include "digest.h"

#include <openssl/sha.h>

void hex_text(const unsigned char *bytes, size_t length, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < length; i++) {
        *ret_text++ = digits[bytes[i] >> 4];
        *ret_text++ = digits[bytes[i] & 15];
    }
    *ret_text = '\0';
}

void digest_text(const void *bytes, size_t length, char ret_text[DIGEST_TEXT_SIZE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    (void)SHA256(bytes, length, digest);
    hex_text(digest, sizeof digest, ret_text);
}

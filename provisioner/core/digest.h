/* SHA-256 as text. Over libcrypto. Pure. */
#ifndef DIGEST_H
#define DIGEST_H

#include "base.h"

enum { DIGEST_TEXT_SIZE = 65 };

/* 64 digits of a-f and 0-9. */
void digest_text(const void *bytes, size_t length, char ret_text[DIGEST_TEXT_SIZE]);

/* Two digits a byte, and the end. */
void hex_text(const unsigned char *bytes, size_t length, char *ret_text);

#endif

/* Text that grows, up to a maximum given at birth.
 *
 * Whatever the outside can make long has its bound here. Going over it sets `full`
 * and adds nothing more, so that a writer checks once, at the end. */
#ifndef TEXT_H
#define TEXT_H

#include "base.h"

typedef struct Text {
    char *at; /* NUL-terminated once anything was added; NULL before */
    size_t length;
    size_t capacity;
    size_t max; /* of length, in bytes */
    bool full;  /* something did not fit */
} Text;

/* DEFER(text_done) Text body = TEXT_MAX(1024); */
#define TEXT_MAX(bytes) ((Text){.max = (bytes)})

void text_done(Text *text);

/* Forgets the content and `full`, keeps the memory. */
void text_clear(Text *text);

void text_add(Text *text, const char *more);
void text_add_bytes(Text *text, const void *more, size_t length);
void text_addf(Text *text, const char *format, ...) PRINTF_LIKE(2, 3);

/* What stands in it: "" before anything was added. Borrowed. */
const char *text_get(const Text *text);

/* Hands the content on, the caller frees it; TEXT is empty afterwards. */
char *text_take(Text *text) __attribute__((__returns_nonnull__));

#endif

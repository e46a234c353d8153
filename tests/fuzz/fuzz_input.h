/* The bytes of a fuzzer, taken apart: lines for the short texts, the rest for the long one. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "alloc.h"

typedef struct FuzzInput {
    const char *at;
    size_t left;
} FuzzInput;

/* The next line as a text of its own; NULL where it is a lone '-' or there is none. The caller
 * frees it. A NUL in it ends it. */
static inline char *fuzz_line(FuzzInput *input)
{
    const char *end = input->left > 0 ? memchr(input->at, '\n', input->left) : NULL;
    size_t length = end != NULL ? (size_t)(end - input->at) : input->left;
    char *line = input->left > 0 ? xstrndup(input->at, length) : NULL;
    size_t taken = length + (end != NULL ? 1 : 0);

    input->at += taken;
    input->left -= taken;
    if (line != NULL && text_eq(line, "-")) {
        free(line);
        return NULL;
    }
    return line;
}

/* All that is left, with a NUL behind it. The caller frees it. */
static inline char *fuzz_rest(const FuzzInput *input)
{
    char *rest = xmalloc(input->left + 1);

    if (input->left > 0)
        memcpy(rest, input->at, input->left);
    rest[input->left] = '\0';
    return rest;
}

#endif

/* What every file of this project may assume: libc, attributes, ownership.
 *
 * Include it last, after the headers of other projects: from here on the
 * functions poisoned below cannot be named. */
#ifndef BASE_H
#define BASE_H

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINTF_LIKE(format, first) __attribute__((__format__(__printf__, format, first)))
#define MUST_CHECK                 __attribute__((__warn_unused_result__))

/* DEFER(fn) T *p = NULL;  calls fn(&p) wherever p leaves scope. */
#define DEFER(fn) __attribute__((__cleanup__(fn)))
#define DEFINE_DEFER(Type, name, destroy)                                                          \
    static inline void name(Type *slot)                                                            \
    {                                                                                              \
        if (*slot != NULL)                                                                         \
            destroy(*slot);                                                                        \
    }

/* TAKE(p) hands the object on: its value is p, and p is NULL afterwards. */
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

DEFINE_DEFER(char *, defer_free, free)

static inline bool text_eq(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static inline bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static inline int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#pragma GCC poison sprintf vsprintf strcpy strcat strncpy strncat strtok atoi atol atof gets

#endif

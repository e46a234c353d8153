#include "alloc.h"

static void *or_abort(void *memory)
{
    if (memory == NULL) {
        (void)fputs("bulkhead: out of memory; raise the memory limit of this process\n", stderr);
        abort();
    }
    return memory;
}

void *xmalloc(size_t size)
{
    return or_abort(malloc(size > 0 ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return or_abort(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *xrealloc(void *old, size_t size)
{
    return or_abort(realloc(old, size > 0 ? size : 1));
}

char *xstrdup(const char *text)
{
    return or_abort(strdup(text));
}

char *xstrndup(const char *text, size_t length)
{
    return or_abort(strndup(text, length));
}

char *xasprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return or_abort(length < 0 ? NULL : text);
}

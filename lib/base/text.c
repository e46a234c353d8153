#include "text.h"

#include "alloc.h"

enum { CAPACITY_FIRST = 128 };

void text_done(Text *text)
{
    free(text->at);
    *text = TEXT_MAX(text->max);
}

void text_clear(Text *text)
{
    text->length = 0;
    text->full = false;
    if (text->at != NULL)
        text->at[0] = '\0';
}

/* Makes room for LENGTH more bytes and the NUL; false when that is over the maximum. */
static bool reserve(Text *text, size_t length)
{
    if (text->full || length > text->max - text->length) {
        text->full = true;
        return false;
    }
    size_t need = text->length + length + 1;
    if (need <= text->capacity)
        return true;

    size_t capacity = text->capacity > 0 ? text->capacity : CAPACITY_FIRST;
    while (capacity < need)
        capacity *= 2;
    text->at = xrealloc(text->at, capacity);
    text->capacity = capacity;
    return true;
}

void text_add_bytes(Text *text, const void *more, size_t length)
{
    if (!reserve(text, length))
        return;
    if (length > 0)
        memcpy(text->at + text->length, more, length);
    text->length += length;
    text->at[text->length] = '\0';
}

void text_add(Text *text, const char *more)
{
    text_add_bytes(text, more, strlen(more));
}

void text_addf(Text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    if (!reserve(text, (size_t)length))
        return;
    va_start(args, format);
    (void)vsnprintf(text->at + text->length, (size_t)length + 1, format, args);
    va_end(args);
    text->length += (size_t)length;
}

const char *text_get(const Text *text)
{
    return text->at != NULL ? text->at : "";
}

char *text_take(Text *text)
{
    char *taken = text->at != NULL ? text->at : xstrdup("");

    text->at = NULL;
    text_done(text);
    return taken;
}

#include "watch_lines.h"

void watch_lines_init(WatchLines *lines, size_t max)
{
    *lines = (WatchLines){.text = TEXT_MAX(max)};
}

void watch_lines_done(WatchLines *lines)
{
    text_done(&lines->text);
    lines->taken = 0;
    lines->scanned = 0;
}

/* Moves what is left to the front. */
static void compact(WatchLines *lines)
{
    Text *text = &lines->text;
    size_t left = text->length - lines->taken;

    if (lines->taken == 0)
        return;
    memmove(text->at, text->at + lines->taken, left);
    text->length = left;
    text->at[left] = '\0';
    lines->scanned -= lines->taken;
    lines->taken = 0;
}

int watch_lines_add(WatchLines *lines, const char *bytes, size_t length, Error *reterr)
{
    compact(lines);
    text_add_bytes(&lines->text, bytes, length);
    if (lines->text.full)
        return error_set(reterr, ERROR_INVALID, "a line of the watch is longer than %zu bytes",
                         lines->text.max);
    return 0;
}

bool watch_lines_next(WatchLines *lines, const char **ret_line, size_t *ret_length)
{
    const Text *text = &lines->text;

    while (lines->scanned < text->length) {
        const char *from = text->at + lines->scanned;
        const char *end = memchr(from, '\n', text->length - lines->scanned);
        const char *line = text->at + lines->taken;

        if (end == NULL) {
            lines->scanned = text->length;
            return false;
        }
        lines->taken = lines->scanned = (size_t)(end - text->at) + 1;
        size_t length = (size_t)(end - line);
        length -= length > 0 && line[length - 1] == '\r' ? 1 : 0;
        if (length > 0) {
            *ret_line = line;
            *ret_length = length;
            return true;
        }
    }
    return false;
}

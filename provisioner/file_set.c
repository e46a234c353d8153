#include "file_set.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "alloc.h"

void file_set_free(FileSet *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++) {
        free(set->items[i].path);
        secret_done(&set->items[i].content);
    }
    free(set);
}

bool file_set_equal(const FileSet *a, const FileSet *b)
{
    if (a == NULL || b == NULL || a->count != b->count)
        return a == b;
    for (size_t i = 0; i < a->count; i++) {
        if (!text_eq(a->items[i].path, b->items[i].path) ||
            !secret_equal(&a->items[i].content, &b->items[i].content))
            return false;
    }
    return true;
}

static int file_add(FileSet *set, const char *path, Error *reterr)
{
    FileSetItem *item = &set->items[set->count];

    if (set->count == FILE_SET_MAX)
        return error_set(reterr, ERROR_INVALID, "%s: more than %d files", path, FILE_SET_MAX);
    if (secret_read(path, &item->content, reterr) < 0)
        return -1;
    item->path = xstrdup(path);
    set->count++;
    return 0;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int entry_add(FileSet *set, const char *folder, const char *name, Error *reterr)
{
    DEFER(defer_free) char *path = xasprintf("%s/%s", folder, name);
    struct stat info;

    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return 0;
    return file_add(set, path, reterr);
}

static int folder_add(FileSet *set, const char *path, Error *reterr)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_shown, alphasort);
    int r = 0;

    if (count < 0)
        return error_set(reterr, ERROR_INVALID, "%s: cannot be read: %s", path, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (r == 0)
            r = entry_add(set, path, entries[i]->d_name, reterr);
        free(entries[i]);
    }
    free(entries);
    return r;
}

static int path_add(FileSet *set, const char *path, Error *reterr)
{
    struct stat info;

    if (stat(path, &info) < 0)
        return error_set(reterr, ERROR_INVALID, "%s: cannot be read: %s", path, strerror(errno));
    return S_ISDIR(info.st_mode) ? folder_add(set, path, reterr) : file_add(set, path, reterr);
}

int file_set_read(const char *paths, FileSet **ret_set, Error *reterr)
{
    DEFER(defer_file_set) FileSet *set = xcalloc(1, sizeof *set);

    while (*paths != '\0') {
        size_t length = strcspn(paths, ",");
        DEFER(defer_free) char *path = xstrndup(paths, length);

        if (length > 0 && path_add(set, path, reterr) < 0)
            return -1;
        paths += length + (paths[length] == ',' ? 1 : 0);
    }
    *ret_set = TAKE(set);
    return 0;
}

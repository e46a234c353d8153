#include "folder.h"

#include <dirent.h>
#include <unistd.h>

#include "alloc.h"

DEFINE_DEFER(DIR *, defer_dir, closedir)

void folder_init(Folder *folder)
{
    const char *base = getenv("TMPDIR");

    (void)snprintf(folder->path, sizeof folder->path, "%s/bulkhead.XXXXXX",
                   base != NULL && strlen(base) < 40 ? base : "/tmp");
    if (mkdtemp(folder->path) == NULL)
        abort();
}

char *folder_file(const Folder *folder, const char *name)
{
    return xasprintf("%s/%s", folder->path, name);
}

void folder_done(const Folder *folder)
{
    DEFER(defer_dir) DIR *dir = opendir(folder->path);
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        DEFER(defer_free) char *path = folder_file(folder, entry->d_name);

        (void)unlink(path); /* "." and ".." refuse */
    }
    (void)rmdir(folder->path);
}

void folder_write_bytes(const Folder *folder, const char *name, const void *bytes, size_t length)
{
    DEFER(defer_free) char *path = folder_file(folder, name);
    DEFER(defer_free) char *fresh = folder_file(folder, ".fresh");
    FILE *file = fopen(fresh, "wb");

    assert(file != NULL);
    if (fwrite(bytes, 1, length, file) != length || fclose(file) != 0 || rename(fresh, path) != 0)
        abort();
}

void folder_write(const Folder *folder, const char *name, const char *text)
{
    folder_write_bytes(folder, name, text, strlen(text));
}

/* Several files and folders named by one flag, read as a whole. A folder is what Kubernetes mounts
 * of a Secret or ConfigMap: its regular files in the order of their names, without those that
 * begin with a dot. */
#ifndef FILE_SET_H
#define FILE_SET_H

#include "secret_file.h"

enum { FILE_SET_MAX = 256 };

typedef struct FileSetItem {
    char *path;
    Secret content;
} FileSetItem;

typedef struct FileSet {
    FileSetItem items[FILE_SET_MAX];
    size_t count;
} FileSet;

/* PATHS is comma-separated. ERROR_INVALID, naming the path, for one that cannot be read. The set
 * is the caller's (file_set_free). */
int file_set_read(const char *paths, FileSet **ret_set, Error *reterr) MUST_CHECK;

/* Wipes the contents. Takes NULL. */
void file_set_free(FileSet *set);
DEFINE_DEFER(FileSet *, defer_file_set, file_set_free)

/* Same files with the same content. Either may be NULL. */
bool file_set_equal(const FileSet *a, const FileSet *b);

#endif

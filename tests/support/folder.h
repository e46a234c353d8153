/* A folder of a test's own, and files in it. */
#ifndef FOLDER_H
#define FOLDER_H

#include "base.h"

typedef struct Folder {
    char path[64];
} Folder;

/* Made below $TMPDIR or /tmp. A failure ends the test. */
void folder_init(Folder *folder);

/* Removes it with the files it holds. */
void folder_done(const Folder *folder);

/* Writes TEXT into the file NAME through a rename, as a mounted Secret is replaced. */
void folder_write(const Folder *folder, const char *name, const char *text);
void folder_write_bytes(const Folder *folder, const char *name, const void *bytes, size_t length);

/* "/tmp/test.x/NAME", the caller frees it. */
char *folder_file(const Folder *folder, const char *name) __attribute__((__returns_nonnull__));

#endif

/* Secrets: bytes that are wiped after use, and the files they are mounted from.
 *
 * A mounted Secret is replaced while we run: secret_file_refresh() notices and reads again. */
#ifndef SECRET_FILE_H
#define SECRET_FILE_H

#include <sys/types.h>
#include <time.h>

#include "base.h"
#include "error.h"

enum { SECRET_BYTES_MAX = 1 << 20 };

typedef struct Secret {
    char *at; /* NUL-terminated; NULL: there is none */
    size_t length;
} Secret;

/* Copies LENGTH bytes. */
Secret secret_copy(const void *bytes, size_t length);

/* Wipes and frees; SECRET is empty afterwards. */
void secret_done(Secret *secret);

/* Wipes a text and frees it. Takes NULL. */
void secret_free(char *text);
DEFINE_DEFER(char *, defer_secret, secret_free)

bool secret_equal(const Secret *a, const Secret *b);

/* The whole file, at most SECRET_BYTES_MAX. ERROR_INVALID, naming the path, otherwise. */
int secret_read(const char *path, Secret *ret_secret, Error *reterr) MUST_CHECK;

/* White space at the end is cut: what an editor or `echo` left behind a token. */
void secret_trim(Secret *secret);

typedef struct SecretFile {
    char *path;
    Secret secret; /* empty before the first refresh */
    bool trim;
    struct timespec modified; /* these four tell that the file was replaced */
    ino_t inode;
    dev_t device;
    off_t size;
} SecretFile;

/* TRIM: the file holds a token rather than bytes. PATH is copied. Nothing is read yet. */
void secret_file_init(SecretFile *file, const char *path, bool trim);
void secret_file_done(SecretFile *file);

/* Reads the file if it was replaced since the last time; RET_CHANGED says whether the content is
 * another. On failure the old content stays. */
int secret_file_refresh(SecretFile *file, bool *ret_changed, Error *reterr) MUST_CHECK;

#endif

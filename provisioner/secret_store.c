#include "secret_store.h"

#include <pthread.h>

#include "alloc.h"
#include "file_set.h"

struct SecretStore {
    char *paths;
    SignatureForm form;
    FileSet *files; /* as last read; of the refreshing thread alone */

    pthread_rwlock_t lock; /* guards the keys */
    SignatureKeys keys;
};

SecretStore *secret_store_new(const char *paths, SignatureForm form)
{
    SecretStore *store = xcalloc(1, sizeof *store);

    store->paths = xstrdup(paths);
    store->form = form;
    (void)pthread_rwlock_init(&store->lock, NULL);
    return store;
}

void secret_store_free(SecretStore *store)
{
    if (store == NULL)
        return;
    signature_keys_done(&store->keys);
    file_set_free(store->files);
    (void)pthread_rwlock_destroy(&store->lock);
    free(store->paths);
    free(store);
}

static int keys_read(const FileSet *files, SignatureForm form, SignatureKeys *keys, Error *reterr)
{
    for (size_t i = 0; i < files->count; i++) {
        if (signature_keys_add(keys, form, files->items[i].content.at, reterr) < 0)
            return error_wrap(reterr, "%s", files->items[i].path);
    }
    if (keys->count == 0)
        return error_set(reterr, ERROR_INVALID, "there is no secret in the files");
    return 0;
}

int secret_store_refresh(SecretStore *store, bool *ret_changed, Error *reterr)
{
    DEFER(defer_file_set) FileSet *files = NULL;
    DEFER(signature_keys_done) SignatureKeys keys = {0};

    if (file_set_read(store->paths, &files, reterr) < 0)
        return -1;
    if (file_set_equal(files, store->files)) {
        *ret_changed = false;
        return 0;
    }
    if (keys_read(files, store->form, &keys, reterr) < 0)
        return -1;
    (void)pthread_rwlock_wrlock(&store->lock);
    store->keys = keys;
    (void)pthread_rwlock_unlock(&store->lock);
    file_set_free(store->files);
    store->files = TAKE(files);
    *ret_changed = true;
    return 0;
}

int secret_store_verify(SecretStore *store, const SignedMessage *message,
                        const SignatureRules *rules, int64_t *ret_signed_ms, Problem *retproblem)
{
    (void)pthread_rwlock_rdlock(&store->lock);
    int r = signature_verify(message, rules, &store->keys, ret_signed_ms, retproblem);
    (void)pthread_rwlock_unlock(&store->lock);
    return r;
}

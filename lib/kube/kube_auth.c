#include "kube_auth.h"

#include <pthread.h>

#include "alloc.h"
#include "clock.h"

enum {
    LEEWAY_MS = 10000, /* a plugin's credential is renewed this long before it ends */
    PLUGIN_MS = 30000,
};

/* Bytes of the configuration itself, or of a file that may be replaced. */
typedef struct Material {
    bool is_file;
    SecretFile file;
    const Secret *fixed; /* NULL: there is none */
} Material;

struct KubeAuth {
    const KubeConfig *config;
    pthread_mutex_t lock; /* guards everything below; held while a plugin runs, since all wait */
    Material ca;
    Material client_cert;
    Material client_key;
    Material token;
    KubeCredential plugin;
    bool plugin_due;
    int64_t look_at_ms;
    KubeAuthEpoch epoch;
};

static void material_init(Material *material, const char *path, const Secret *fixed, bool trim)
{
    material->is_file = path != NULL;
    material->fixed = fixed->at != NULL ? fixed : NULL;
    if (path != NULL)
        secret_file_init(&material->file, path, trim);
}

static const Secret *material_get(const Material *material)
{
    return material->is_file ? &material->file.secret : material->fixed;
}

/* A file that cannot be read now is no trouble while its old content still serves: it may be
 * just being replaced. */
static int material_refresh(Material *material, bool *changed, Error *reterr)
{
    bool is_new = false;

    if (!material->is_file)
        return 0;
    if (secret_file_refresh(&material->file, &is_new, reterr) < 0)
        return material->file.secret.at != NULL ? 0 : -1;
    *changed = *changed || is_new;
    return 0;
}

static int refresh_files(KubeAuth *auth, Error *reterr)
{
    bool tls_changed = false;
    bool token_changed = false;

    if (material_refresh(&auth->ca, &tls_changed, reterr) < 0 ||
        material_refresh(&auth->client_cert, &tls_changed, reterr) < 0 ||
        material_refresh(&auth->client_key, &tls_changed, reterr) < 0 ||
        material_refresh(&auth->token, &token_changed, reterr) < 0)
        return -1;
    auth->epoch.tls += tls_changed ? 1 : 0;
    return 0;
}

static int refresh_plugin(KubeAuth *auth, Error *reterr)
{
    KubeCredential fresh;

    if (auth->config->exec == NULL)
        return 0;
    if (!auth->plugin_due && clock_wall_ms() < auth->plugin.expires_ms - LEEWAY_MS)
        return 0;
    if (kube_exec_run(auth->config->exec, PLUGIN_MS, &fresh, reterr) < 0)
        return -1;
    auth->epoch.looked++;
    if (!secret_equal(&fresh.client_cert, &auth->plugin.client_cert) ||
        !secret_equal(&fresh.client_key, &auth->plugin.client_key))
        auth->epoch.tls++;
    kube_credential_done(&auth->plugin);
    auth->plugin = fresh;
    auth->plugin_due = false;
    return 0;
}

int kube_auth_new(const KubeConfig *config, KubeAuth **ret_auth, Error *reterr)
{
    DEFER(defer_kube_auth) KubeAuth *auth = xcalloc(1, sizeof *auth);

    auth->config = config;
    (void)pthread_mutex_init(&auth->lock, NULL);
    auth->plugin_due = true;
    auth->look_at_ms = clock_ms() + KUBE_REREAD_MS;
    material_init(&auth->ca, config->ca.path, &config->ca.data, false);
    material_init(&auth->client_cert, config->client_cert.path, &config->client_cert.data, false);
    material_init(&auth->client_key, config->client_key.path, &config->client_key.data, false);
    material_init(&auth->token, config->token_file, &config->token, true);
    if (refresh_files(auth, reterr) < 0)
        return error_wrap(reterr, "%s", config->origin);
    *ret_auth = TAKE(auth);
    return 0;
}

void kube_auth_free(KubeAuth *auth)
{
    if (auth == NULL)
        return;
    secret_file_done(&auth->ca.file);
    secret_file_done(&auth->client_cert.file);
    secret_file_done(&auth->client_key.file);
    secret_file_done(&auth->token.file);
    kube_credential_done(&auth->plugin);
    (void)pthread_mutex_destroy(&auth->lock);
    free(auth);
}

static int refresh_locked(KubeAuth *auth, Error *reterr)
{
    if (clock_ms() >= auth->look_at_ms) {
        if (refresh_files(auth, reterr) < 0)
            return -1;
        auth->look_at_ms = clock_ms() + KUBE_REREAD_MS;
        auth->epoch.looked++;
    }
    return refresh_plugin(auth, reterr);
}

int kube_auth_refresh(KubeAuth *auth, KubeAuthEpoch *ret_epoch, Error *reterr)
{
    (void)pthread_mutex_lock(&auth->lock);
    int r = refresh_locked(auth, reterr);
    KubeAuthEpoch epoch = auth->epoch;
    (void)pthread_mutex_unlock(&auth->lock);
    if (r == 0)
        *ret_epoch = epoch;
    return r;
}

void kube_auth_refused(KubeAuth *auth, const KubeAuthEpoch *epoch)
{
    (void)pthread_mutex_lock(&auth->lock);
    if (auth->epoch.looked == epoch->looked) { /* else another thread looked since */
        auth->look_at_ms = clock_ms();
        auth->plugin_due = true;
    }
    (void)pthread_mutex_unlock(&auth->lock);
}

static void set_blob(CURL *easy, CURLoption option, const Secret *bytes)
{
    struct curl_blob blob = {.data = bytes->at, .len = bytes->length, .flags = CURL_BLOB_COPY};

    (void)curl_easy_setopt(easy, option, &blob);
}

static void set_client_cert(CURL *easy, const Secret *cert, const Secret *key)
{
    if (cert == NULL || cert->at == NULL || key == NULL)
        return;
    set_blob(easy, CURLOPT_SSLCERT_BLOB, cert);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, key);
    (void)curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
    (void)curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
}

void kube_auth_set_tls(KubeAuth *auth, CURL *easy)
{
    (void)pthread_mutex_lock(&auth->lock);
    const Secret *ca = material_get(&auth->ca);
    long check = auth->config->insecure ? 0 : 1;

    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, check);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, check * 2);
    if (ca != NULL) {
        /* Without the NULL the folder of the public CAs would be trusted as well. */
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        set_blob(easy, CURLOPT_CAINFO_BLOB, ca);
    }
    set_client_cert(easy, &auth->plugin.client_cert, &auth->plugin.client_key);
    set_client_cert(easy, material_get(&auth->client_cert), material_get(&auth->client_key));
    (void)pthread_mutex_unlock(&auth->lock);
}

struct curl_slist *kube_header_add(struct curl_slist *headers, const char *header)
{
    struct curl_slist *longer = curl_slist_append(headers, header);

    if (longer == NULL)
        abort(); /* memory alone can be missing */
    return longer;
}

void kube_headers_free(struct curl_slist *headers)
{
    for (struct curl_slist *at = headers; at != NULL; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(headers);
}

/* What could end a header has no place in one. */
static bool is_token(const Secret *token)
{
    if (token == NULL || token->at == NULL || token->length == 0)
        return false;
    for (size_t i = 0; i < token->length; i++) {
        if (token->at[i] <= ' ' || token->at[i] > '~')
            return false;
    }
    return true;
}

struct curl_slist *kube_auth_add_headers(KubeAuth *auth, struct curl_slist *headers)
{
    (void)pthread_mutex_lock(&auth->lock);
    const Secret *token = material_get(&auth->token);

    if (token == NULL)
        token = &auth->plugin.token;
    if (is_token(token)) {
        DEFER(defer_secret) char *header = xasprintf("Authorization: Bearer %s", token->at);

        headers = kube_header_add(headers, header);
    }
    (void)pthread_mutex_unlock(&auth->lock);
    for (char *const *header = auth->config->impersonation; *header != NULL; header++)
        headers = kube_header_add(headers, *header);
    return headers;
}

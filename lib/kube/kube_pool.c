#include "kube_pool.h"

#include <pthread.h>

#include "alloc.h"
#include "clock.h"

enum { IDLE_MAX = 16 };

struct KubePool {
    const KubeConfig *config;
    KubeAuth *auth;
    char *user_agent;
    char *host;                    /* "host:port" */
    char *base_url;                /* with the name that TLS expects */
    struct curl_slist *connect_to; /* where that really is; NULL: where it says */
    char *host_header;             /* NULL: what libcurl sends */

    pthread_mutex_t lock; /* guards the two below */
    KubeHandle *idle;
    uint64_t breaks; /* counts broken connections: handles from before the last are not reused */
};

/* One part of a URL, of which libcurl gives a copy of its own kind. */
static char *url_part(CURLU *url, CURLUPart part)
{
    char *theirs = NULL;

    if (curl_url_get(url, part, &theirs, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return xstrdup("");
    char *ours = xstrdup(theirs);
    curl_free(theirs);
    return ours;
}

/* libcurl sends as SNI, and checks, the host of the URL; so where the configuration wants another
 * name, that goes into the URL, and connect_to says where it lives. */
static int name_server(KubePool *pool, CURLU *url, Error *reterr)
{
    const char *tls_name = pool->config->tls_server_name;
    DEFER(defer_free) char *host = url_part(url, CURLUPART_HOST);
    DEFER(defer_free) char *port = url_part(url, CURLUPART_PORT);

    pool->host = xasprintf("%s:%s", host, port);
    pool->base_url = xstrdup(pool->config->server);
    if (tls_name == NULL)
        return 0;
    if (curl_url_set(url, CURLUPART_HOST, tls_name, 0) != CURLUE_OK)
        return error_set(reterr, ERROR_INVALID, "%s: tls-server-name '%.80s' is no host name",
                         pool->config->origin, tls_name);
    DEFER(defer_free) char *connect_to = xasprintf("%s:%s:%s:%s", tls_name, port, host, port);
    pool->connect_to = kube_header_add(NULL, connect_to);
    pool->host_header = xasprintf("Host: %s:%s", host, port);
    free(pool->base_url);
    pool->base_url = url_part(url, CURLUPART_URL);
    size_t length = strlen(pool->base_url);
    if (length > 0 && pool->base_url[length - 1] == '/')
        pool->base_url[length - 1] = '\0';
    return 0;
}

DEFINE_DEFER(CURLU *, defer_url, curl_url_cleanup)

static int parse_server(KubePool *pool, Error *reterr)
{
    DEFER(defer_url) CURLU *url = curl_url();

    if (strchr(pool->config->server, '@') != NULL) /* messages name the server */
        return error_set(reterr, ERROR_INVALID, "%s: server must not carry a user or a password",
                         pool->config->origin);
    if (curl_url_set(url, CURLUPART_URL, pool->config->server, 0) != CURLUE_OK)
        return error_set(reterr, ERROR_INVALID, "%s: server '%.120s' is no URL",
                         pool->config->origin, pool->config->server);
    return name_server(pool, url, reterr);
}

int kube_pool_new(const KubeConfig *config, KubeAuth *auth, const char *name, KubePool **ret_pool,
                  Error *reterr)
{
    DEFER(defer_kube_pool) KubePool *pool = xcalloc(1, sizeof *pool);

    (void)pthread_mutex_init(&pool->lock, NULL);
    pool->config = config;
    pool->auth = auth;
    pool->user_agent = xasprintf("%s/%s", name, BULKHEAD_VERSION);
    if (parse_server(pool, reterr) < 0)
        return -1;
    *ret_pool = TAKE(pool);
    return 0;
}

static void handles_free(KubeHandle *first)
{
    while (first != NULL) {
        KubeHandle *handle = first;

        first = handle->next;
        kube_handle_free(handle);
    }
}

void kube_pool_free(KubePool *pool)
{
    if (pool == NULL)
        return;
    handles_free(pool->idle);
    curl_slist_free_all(pool->connect_to);
    free(pool->user_agent);
    free(pool->host);
    free(pool->base_url);
    free(pool->host_header);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

const char *kube_pool_host(const KubePool *pool)
{
    return pool->host;
}

const char *kube_pool_url(const KubePool *pool)
{
    return pool->base_url;
}

const char *kube_pool_host_header(const KubePool *pool)
{
    return pool->host_header;
}

static KubeHandle *handle_new(KubePool *pool)
{
    KubeHandle *handle = kube_handle_new();
    const KubeConfig *config = pool->config;

    kube_auth_set_tls(pool->auth, handle->easy);
    if (config->proxy_url != NULL)
        (void)curl_easy_setopt(handle->easy, CURLOPT_PROXY, config->proxy_url);
    if (config->username != NULL) {
        (void)curl_easy_setopt(handle->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        (void)curl_easy_setopt(handle->easy, CURLOPT_USERNAME, config->username);
        (void)curl_easy_setopt(handle->easy, CURLOPT_PASSWORD, config->password.at);
    }
    (void)curl_easy_setopt(handle->easy, CURLOPT_CONNECT_TO, pool->connect_to);
    (void)curl_easy_setopt(handle->easy, CURLOPT_USERAGENT, pool->user_agent);
    (void)curl_easy_setopt(handle->easy, CURLOPT_PATH_AS_IS, 1L);
    return handle;
}

/* Both parts of the epoch only ever grow, so that their sum tells. */
KubeHandle *kube_pool_take(KubePool *pool, uint64_t tls_epoch)
{
    KubeHandle *handle = NULL;
    uint64_t epoch;

    (void)pthread_mutex_lock(&pool->lock);
    epoch = tls_epoch + pool->breaks;
    while (pool->idle != NULL && handle == NULL) {
        handle = pool->idle;
        pool->idle = handle->next;
        if (handle->epoch == epoch)
            break;
        kube_handle_free(TAKE(handle));
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (handle == NULL)
        handle = handle_new(pool);
    handle->epoch = epoch;
    return handle;
}

void kube_pool_return(KubePool *pool, KubeHandle *handle, const KubeTransfer *transfer)
{
    unsigned count = 0;

    (void)pthread_mutex_lock(&pool->lock);
    pool->breaks += transfer->broke ? 1 : 0;
    for (const KubeHandle *at = pool->idle; at != NULL; at = at->next)
        count++;
    if (transfer->whole && count < IDLE_MAX) {
        handle->used_ms = clock_ms();
        handle->next = pool->idle;
        pool->idle = TAKE(handle);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    kube_handle_free(handle);
}

/* The one that was used last comes first, so that those after a stale one are stale too. */
void kube_pool_trim(KubePool *pool, int64_t quiet_ms)
{
    int64_t since_ms = clock_ms() - quiet_ms;
    KubeHandle **at = &pool->idle;

    (void)pthread_mutex_lock(&pool->lock);
    while (*at != NULL && (*at)->used_ms > since_ms)
        at = &(*at)->next;
    KubeHandle *stale = TAKE(*at);
    (void)pthread_mutex_unlock(&pool->lock);
    handles_free(stale);
}

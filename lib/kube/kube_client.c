#include "kube_client.h"

#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>

#include "alloc.h"
#include "clock.h"
#include "kube_auth.h"
#include "kube_limit.h"
#include "kube_metrics.h"
#include "kube_pool.h"
#include "kube_status.h"
#include "kube_transfer.h"

enum { TRIES_MAX = 10 };

struct KubeClient {
    KubeConfig *config;
    KubeAuth *auth;
    KubePool *pool;
    char *name;
    int end_fd; /* 0: none */
    int64_t end_ms;

    pthread_mutex_t lock; /* guards the limit */
    KubeLimit limit;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

int kube_client_new(KubeConfig *config, const char *name, KubeClient **ret_client, Error *reterr)
{
    DEFER(defer_kube_client) KubeClient *client = xcalloc(1, sizeof *client);

    (void)pthread_once(&curl_once, init_curl);
    client->config = config;
    client->name = xstrdup(name);
    (void)pthread_mutex_init(&client->lock, NULL);
    if (kube_auth_new(config, &client->auth, reterr) < 0 ||
        kube_pool_new(config, client->auth, name, &client->pool, reterr) < 0)
        return -1;
    *ret_client = TAKE(client);
    return 0;
}

void kube_client_free(KubeClient *client)
{
    if (client == NULL)
        return;
    kube_pool_free(client->pool);
    kube_auth_free(client->auth);
    kube_config_free(client->config);
    (void)pthread_mutex_destroy(&client->lock);
    free(client->name);
    free(client);
}

void kube_client_limit(KubeClient *client, int64_t per_second, int64_t burst)
{
    client->limit = (KubeLimit){.per_second = per_second, .burst = burst};
}

void kube_client_end_with(KubeClient *client, int fd, int64_t within_ms)
{
    client->end_fd = fd;
    client->end_ms = within_ms;
}

void kube_client_trim(KubeClient *client, int64_t quiet_ms)
{
    kube_pool_trim(client->pool, quiet_ms);
}

const char *kube_client_name(const KubeClient *client)
{
    return client->name;
}

const char *kube_client_server(const KubeClient *client)
{
    return client->config->server;
}

const char *kube_client_namespace(const KubeClient *client)
{
    return client->config->namespace != NULL ? client->config->namespace : "default";
}

static struct curl_slist *build_headers(const KubeClient *client, const KubeRequest *request)
{
    const char *accept = request->accept != NULL ? request->accept : "application/json";
    const char *type = request->content_type != NULL ? request->content_type : "application/json";
    DEFER(defer_free) char *accept_header = xasprintf("Accept: %s", accept);
    DEFER(defer_free) char *type_header = xasprintf("Content-Type: %s", type);
    struct curl_slist *headers = kube_header_add(NULL, accept_header);

    headers = kube_header_add(headers, "Expect:"); /* no extra round trip before a body */
    if (request->body != NULL)
        headers = kube_header_add(headers, type_header);
    if (kube_pool_host_header(client->pool) != NULL)
        headers = kube_header_add(headers, kube_pool_host_header(client->pool));
    return kube_auth_add_headers(client->auth, headers);
}

/* One request on its way: what its tries share. */
typedef struct Exchange {
    KubeClient *client;
    const KubeRequest *request;
    const KubeSink *sink;
    char *body;
    int64_t deadline_ms;
    KubeAuthEpoch epoch;
    bool refused_once;
    int tries;
} Exchange;

static void exchange_done(Exchange *exchange)
{
    secret_free(exchange->body); /* it may be a Secret's */
}

static void set_request(const Exchange *exchange, CURL *easy, const char *url,
                        struct curl_slist *headers)
{
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, exchange->sink == NULL ? "gzip" : NULL);
    if (exchange->body != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)strlen(exchange->body));
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange->body);
    } else {
        (void)curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->request->method);
}

/* The addresses that a handle borrowed must not be met again. */
static void forget_request(CURL *easy)
{
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
}

/* False if a stop came before the time was over. */
static bool wait_ms(const Exchange *exchange, int64_t ms)
{
    int stop_fd = exchange->request->stop_fd;
    int end_fd = exchange->client->end_fd;
    struct pollfd stops[] = {{.fd = stop_fd > 0 ? stop_fd : -1, .events = POLLIN},
                             {.fd = end_fd > 0 ? end_fd : -1, .events = POLLIN}};

    return poll(stops, ARRAY_SIZE(stops), (int)min_i64(ms, INT32_MAX)) == 0;
}

/* Waits for our own limit. What goes on and on, and what cannot wait, has none. */
static int pace(const Exchange *exchange, Error *reterr)
{
    KubeClient *client = exchange->client;

    if (exchange->sink != NULL || exchange->request->urgent)
        return 0;
    (void)pthread_mutex_lock(&client->lock);
    int64_t wait_us = kube_limit_take_us(&client->limit, clock_us());
    (void)pthread_mutex_unlock(&client->lock);
    int64_t ms = (wait_us + 999) / 1000;
    kube_metrics_add_limited(kube_pool_host(client->pool), exchange->request->method, wait_us);
    if (ms > 0 && clock_ms() + ms >= exchange->deadline_ms)
        return error_set(reterr, ERROR_BUSY,
                         "our own limit of %" PRId64 " requests a second leaves no time for it",
                         client->limit.per_second);
    if (ms > 0 && !wait_ms(exchange, ms))
        return error_set(reterr, ERROR_BUSY, "stopped");
    return 0;
}

static int try_once(Exchange *exchange, KubeTransfer *transfer, Error *reterr)
{
    KubeClient *client = exchange->client;
    const KubeRequest *request = exchange->request;

    if (pace(exchange, reterr) < 0 || kube_auth_refresh(client->auth, &exchange->epoch, reterr) < 0)
        return -1;
    KubeHandle *handle = kube_pool_take(client->pool, exchange->epoch.tls);
    DEFER(defer_headers) struct curl_slist *headers = build_headers(client, request);
    DEFER(defer_free) char *url = xasprintf("%s%s", kube_pool_url(client->pool), request->path);
    int64_t start_us = clock_us();

    transfer->sink = exchange->sink;
    transfer->stop_fd = request->stop_fd;
    transfer->end_fd = client->end_fd;
    transfer->end_ms = client->end_ms;
    transfer->timeout_ms = max_i64(1, exchange->deadline_ms - clock_ms());
    set_request(exchange, handle->easy, url, headers);
    int r = kube_transfer_run(handle, transfer, reterr);
    forget_request(handle->easy);
    kube_pool_return(client->pool, handle, transfer);
    if (transfer->untrusted)
        kube_auth_refused(client->auth, &exchange->epoch);
    kube_metrics_add(kube_pool_host(client->pool), request->method, transfer->code,
                     exchange->sink != NULL ? -1 : clock_us() - start_us);
    return r;
}

/* Whether to send it once more; it waits as long as the server asked for. */
static bool comes_again(Exchange *exchange, const KubeTransfer *transfer)
{
    bool asked = (transfer->code == 429 || transfer->code >= 500) && transfer->retry_after_ms >= 0;

    if (!wait_ms(exchange, 0))
        return false;
    if (transfer->code == 401 && !exchange->refused_once) {
        exchange->refused_once = true;
        kube_auth_refused(exchange->client->auth, &exchange->epoch);
    } else if (!asked || exchange->sink != NULL || exchange->tries >= TRIES_MAX ||
               clock_ms() + transfer->retry_after_ms >= exchange->deadline_ms ||
               !wait_ms(exchange, transfer->retry_after_ms)) {
        return false;
    }
    kube_metrics_add_retry(kube_pool_host(exchange->client->pool), exchange->request->method,
                           transfer->code);
    return true;
}

static void read_response(KubeTransfer *transfer, KubeResponse *ret_response)
{
    Error ignored;
    cJSON *json = NULL;

    if (transfer->body.length > 0 &&
        json_parse(transfer->body.at, transfer->body.length, &json, &ignored) < 0)
        json = NULL;
    *ret_response = (KubeResponse){
        .code = transfer->code,
        .retry_after_ms = transfer->retry_after_ms,
        .json = json,
        .warnings = transfer->warnings.length > 0 ? text_take(&transfer->warnings) : NULL,
    };
}

static int explain(const Exchange *exchange, Error *reterr)
{
    const char *path = exchange->request->path;

    return error_wrap(reterr, "%s %s%.*s", exchange->request->method,
                      exchange->client->config->server,
                      (int)min_i64((int64_t)strcspn(path, "?"), 80), path);
}

static int run(Exchange *exchange, KubeResponse *ret_response, Error *reterr)
{
    bool again = true;

    while (again) {
        DEFER(kube_transfer_done) KubeTransfer transfer;

        kube_transfer_init(&transfer);
        exchange->tries++;
        if (try_once(exchange, &transfer, reterr) < 0)
            return explain(exchange, reterr);
        again = comes_again(exchange, &transfer);
        if (!again)
            read_response(&transfer, ret_response);
    }
    return 0;
}

int kube_stream(KubeClient *client, const KubeRequest *request, const KubeSink *sink,
                KubeResponse *ret_response, Error *reterr)
{
    int64_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : KUBE_TIMEOUT_MS;
    DEFER(exchange_done)
    Exchange exchange = {
        .client = client,
        .request = request,
        .sink = sink,
        .body = request->body != NULL ? json_print(request->body) : NULL,
        .deadline_ms = clock_ms() + timeout_ms,
    };

    return run(&exchange, ret_response, reterr);
}

int kube_exchange(KubeClient *client, const KubeRequest *request, KubeResponse *ret_response,
                  Error *reterr)
{
    return kube_stream(client, request, NULL, ret_response, reterr);
}

int kube_request(KubeClient *client, const KubeRequest *request, KubeResponse *ret_response,
                 Error *reterr)
{
    KubeResponse response;

    if (kube_exchange(client, request, &response, reterr) < 0)
        return -1;
    if (kube_status_read(response.code, response.json, reterr) < 0) {
        kube_response_done(&response);
        return -1;
    }
    *ret_response = response;
    return 0;
}

void kube_response_done(KubeResponse *response)
{
    cJSON_Delete(response->json);
    free(response->warnings);
    *response = (KubeResponse){0};
}

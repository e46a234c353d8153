#include "otlp.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "alloc.h"
#include "backoff.h"
#include "clock.h"
#include "json.h"
#include "metrics.h"

enum {
    QUEUE_MAX = 2048,
    BATCH_MAX = 256,
    TRIES_MAX = 6,
    CONNECT_MS = 5000,
    REQUEST_MS = 10000,
    RETRY_AFTER_MAX_S = 30,
    ANSWER_BYTES_MAX = 64 * 1024,
};

static Metric spans = {
    .name = "bulkhead_otlp_spans_total",
    .type = METRIC_COUNTER,
    .help = "Spans of traces: sent to the collector, dropped because the queue was full, or failed "
            "because the collector refused them or stayed away.",
    .labels = {"result"},
};

struct Otlp {
    OtlpSettings settings;
    char *url;
    CURL *easy; /* of the thread alone, as the three below */
    struct curl_slist *headers;
    Text answer;
    bool failing;
    pthread_t thread;
    _Atomic(int64_t) end_ms; /* clock_ms() after which nothing is sent; INT64_MAX: not stopping */

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    char *queue[QUEUE_MAX]; /* a ring */
    size_t first;
    size_t count;
};

typedef struct Batch {
    char *spans[BATCH_MAX];
    size_t count;
} Batch;

void otlp_register_metrics(void)
{
    metrics_register(&spans);
}

const char *otlp_endpoint(const char *flag)
{
    const char *standard = getenv("OTEL_EXPORTER_OTLP_ENDPOINT");

    if (flag != NULL && *flag != '\0')
        return flag;
    return standard != NULL && *standard != '\0' ? standard : NULL;
}

static bool is_stopping(const Otlp *self)
{
    return atomic_load(&self->end_ms) != INT64_MAX;
}

static bool is_over(const Otlp *self)
{
    return clock_ms() >= atomic_load(&self->end_ms);
}

void otlp_add(Otlp *otlp, const Span *span)
{
    DEFER(defer_free) char *text = NULL;

    if (otlp == NULL)
        return;
    text = span_json(span);
    (void)pthread_mutex_lock(&otlp->lock);
    bool fits = otlp->count < QUEUE_MAX;
    if (fits) {
        otlp->queue[(otlp->first + otlp->count) % QUEUE_MAX] = TAKE(text);
        otlp->count++;
        if (otlp->count == 1 || otlp->count == BATCH_MAX)
            (void)pthread_cond_signal(&otlp->changed);
    }
    (void)pthread_mutex_unlock(&otlp->lock);
    if (!fits)
        metric_add(&spans, 1, "dropped");
}

/* With the lock held. */
static void sleep_until(Otlp *self, int64_t ms)
{
    const struct timespec until = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)pthread_cond_timedwait(&self->changed, &self->lock, &until);
}

/* Waits for a span, then a while for others. Nothing in it: the end. */
static Batch batch_take(Otlp *self)
{
    Batch batch = {.count = 0};

    (void)pthread_mutex_lock(&self->lock);
    while (self->count == 0 && !is_stopping(self))
        (void)pthread_cond_wait(&self->changed, &self->lock);
    const int64_t due_ms = clock_ms() + self->settings.gather_ms;
    while (self->count < BATCH_MAX && !is_stopping(self) && clock_ms() < due_ms)
        sleep_until(self, due_ms);
    while (self->count > 0 && batch.count < BATCH_MAX) {
        batch.spans[batch.count++] = TAKE(self->queue[self->first]);
        self->first = (self->first + 1) % QUEUE_MAX;
        self->count--;
    }
    (void)pthread_mutex_unlock(&self->lock);
    return batch;
}

static void pause_ms(Otlp *self, int64_t ms)
{
    const int64_t until_ms = clock_ms() + ms;

    (void)pthread_mutex_lock(&self->lock);
    while (clock_ms() < min_i64(until_ms, atomic_load(&self->end_ms)))
        sleep_until(self, min_i64(until_ms, atomic_load(&self->end_ms)));
    (void)pthread_mutex_unlock(&self->lock);
}

static size_t on_answer(char *bytes, size_t size, size_t count, void *context)
{
    Otlp *self = context;

    text_add_bytes(&self->answer, bytes, size * count);
    return size * count;
}

/* The parameters are libcurl's: NOLINTNEXTLINE(bugprone-easily-swappable-parameters) */
static int on_progress(void *context, curl_off_t all, curl_off_t now, curl_off_t up_all,
                       curl_off_t up_now)
{
    const Otlp *self = context;

    (void)all, (void)now, (void)up_all, (void)up_now;
    return is_over(self) ? 1 : 0;
}

typedef struct Attempt {
    CURLcode result;
    long code; /* HTTP */
    int64_t retry_after_ms;
    char why[CURL_ERROR_SIZE];
} Attempt;

static Attempt post(Otlp *self, const char *body)
{
    Attempt attempt = {.why = ""};
    curl_off_t retry_after_s = 0;

    text_clear(&self->answer);
    (void)curl_easy_setopt(self->easy, CURLOPT_ERRORBUFFER, attempt.why);
    (void)curl_easy_setopt(self->easy, CURLOPT_POSTFIELDS, body);
    attempt.result = curl_easy_perform(self->easy);
    (void)curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &attempt.code);
    (void)curl_easy_getinfo(self->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    (void)curl_easy_setopt(self->easy, CURLOPT_ERRORBUFFER, NULL);
    (void)curl_easy_setopt(self->easy, CURLOPT_POSTFIELDS, NULL);
    attempt.retry_after_ms = min_i64(retry_after_s, RETRY_AFTER_MAX_S) * INT64_C(1000);
    if (attempt.result != CURLE_OK && attempt.why[0] == '\0')
        (void)snprintf(attempt.why, sizeof attempt.why, "%s", curl_easy_strerror(attempt.result));
    else if (attempt.result == CURLE_OK)
        (void)snprintf(attempt.why, sizeof attempt.why, "HTTP %ld", attempt.code);
    return attempt;
}

static bool is_taken(const Attempt *attempt)
{
    return attempt->result == CURLE_OK && attempt->code >= 200 && attempt->code < 300;
}

/* As the specification of OTLP has it. */
static bool comes_again(const Attempt *attempt)
{
    static const long codes[] = {429, 502, 503, 504};

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        if (attempt->result == CURLE_OK && attempt->code == codes[i])
            return true;
    }
    return attempt->result != CURLE_OK;
}

static void tell(Otlp *self, const Attempt *attempt)
{
    const bool failing = !is_taken(attempt);

    if (failing != self->failing)
        self->settings.tell(failing ? attempt->why : NULL);
    self->failing = failing;
}

/* {"partialSuccess": {"rejectedSpans": "3"}}: the number may be a text. */
static size_t rejected(const Otlp *self, size_t sent)
{
    DEFER(defer_json) cJSON *answer = NULL;
    Error ignored;

    if (json_parse(text_get(&self->answer), self->answer.length, &answer, &ignored) < 0)
        return 0;
    const char *text = json_text(answer, "partialSuccess.rejectedSpans", NULL);
    const int64_t count = text != NULL ? strtoll(text, NULL, 10)
                                       : json_int(answer, "partialSuccess.rejectedSpans", 0);
    return (size_t)max_i64(0, min_i64(count, (int64_t)sent));
}

static void send_batch(Otlp *self, const Batch *batch)
{
    static const Backoff backoff = {.first_ms = 500, .last_ms = 10000};
    DEFER(defer_free)
    char *body = span_batch_json(&self->settings.source, batch->spans, batch->count);
    Attempt attempt = post(self, body);

    for (uint32_t tries = 1; comes_again(&attempt) && tries < TRIES_MAX && !is_over(self);
         tries++) {
        tell(self, &attempt);
        pause_ms(self, max_i64(attempt.retry_after_ms,
                               backoff_delay_ms(&backoff, tries - 1, random_u32())));
        attempt = post(self, body);
    }
    tell(self, &attempt);
    const size_t lost = is_taken(&attempt) ? rejected(self, batch->count) : batch->count;
    metric_add(&spans, (double)(batch->count - lost), "sent");
    metric_add(&spans, (double)lost, "failed");
}

static void *run(void *context)
{
    Otlp *self = context;

    for (Batch batch = batch_take(self); batch.count > 0; batch = batch_take(self)) {
        send_batch(self, &batch);
        for (size_t i = 0; i < batch.count; i++)
            free(batch.spans[i]);
    }
    return NULL;
}

DEFINE_DEFER(CURLU *, defer_url, curl_url_cleanup)

static int endpoint_check(const char *endpoint, Error *reterr)
{
    DEFER(defer_url) CURLU *url = curl_url();

    if ((!text_starts(endpoint, "http://") && !text_starts(endpoint, "https://")) ||
        curl_url_set(url, CURLUPART_URL, endpoint, 0) != CURLUE_OK)
        return error_set(reterr, ERROR_INVALID,
                         "--otlp-endpoint: want a URL such as http://collector:4318");
    return 0;
}

static void easy_setup(Otlp *self)
{
    self->easy = curl_easy_init();
    self->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (self->easy == NULL || self->headers == NULL)
        abort(); /* memory alone can be missing */
    (void)curl_easy_setopt(self->easy, CURLOPT_URL, self->url);
    (void)curl_easy_setopt(self->easy, CURLOPT_HTTPHEADER, self->headers);
    (void)curl_easy_setopt(self->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(self->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(self->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    (void)curl_easy_setopt(self->easy, CURLOPT_TIMEOUT_MS, (long)REQUEST_MS);
    (void)curl_easy_setopt(self->easy, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(self->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(self->easy, CURLOPT_XFERINFODATA, self);
    (void)curl_easy_setopt(self->easy, CURLOPT_WRITEFUNCTION, on_answer);
    (void)curl_easy_setopt(self->easy, CURLOPT_WRITEDATA, self);
}

static char *traces_url(const char *endpoint)
{
    size_t length = strlen(endpoint);

    while (length > 0 && endpoint[length - 1] == '/')
        length--;
    return xasprintf("%.*s/v1/traces", (int)length, endpoint);
}

static void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

int otlp_start(const OtlpSettings *settings, Otlp **ret_otlp, Error *reterr)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    if (endpoint_check(settings->endpoint, reterr) < 0)
        return -1;
    Otlp *self = xcalloc(1, sizeof *self);
    self->settings = *settings;
    self->url = traces_url(settings->endpoint);
    self->answer = TEXT_MAX(ANSWER_BYTES_MAX);
    self->end_ms = INT64_MAX;
    easy_setup(self);
    (void)pthread_mutex_init(&self->lock, NULL);
    condition_init(&self->changed);
    int r = pthread_create(&self->thread, NULL, run, self);
    assert(r == 0);
    *ret_otlp = self;
    return 0;
}

void otlp_stop(Otlp *otlp, int64_t flush_ms)
{
    if (otlp == NULL)
        return;
    (void)pthread_mutex_lock(&otlp->lock);
    atomic_store(&otlp->end_ms, clock_ms() + flush_ms);
    (void)pthread_cond_broadcast(&otlp->changed);
    (void)pthread_mutex_unlock(&otlp->lock);
    (void)pthread_join(otlp->thread, NULL);
    curl_easy_cleanup(otlp->easy);
    curl_slist_free_all(otlp->headers);
    text_done(&otlp->answer);
    (void)pthread_cond_destroy(&otlp->changed);
    (void)pthread_mutex_destroy(&otlp->lock);
    free(otlp->url);
    free(otlp);
}

#include "kube_transfer.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

#include "alloc.h"
#include "clock.h"

enum {
    CONNECT_MS = 10000,
    WARNINGS_MAX = 8 << 10,
    RETRY_AFTER_MAX_S = 3600,
    POLL_MS = 1000,
    UNACKED_MS = 30000, /* bytes we sent that the peer never confirmed: it is dead */
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 15,
    KEEPALIVE_PROBES = 3,
};

KubeHandle *kube_handle_new(void)
{
    KubeHandle *handle = xcalloc(1, sizeof *handle);

    handle->easy = curl_easy_init();
    handle->multi = curl_multi_init();
    if (handle->easy == NULL || handle->multi == NULL)
        abort(); /* memory alone can be missing */
    return handle;
}

void kube_handle_free(KubeHandle *handle)
{
    if (handle == NULL)
        return;
    curl_easy_cleanup(handle->easy);
    (void)curl_multi_cleanup(handle->multi);
    free(handle);
}

void kube_transfer_init(KubeTransfer *transfer)
{
    *transfer = (KubeTransfer){.retry_after_ms = -1,
                               .body = TEXT_MAX(KUBE_RESPONSE_MAX),
                               .warnings = TEXT_MAX(WARNINGS_MAX)};
}

void kube_transfer_done(KubeTransfer *transfer)
{
    text_done(&transfer->body);
    text_done(&transfer->warnings);
}

/* libcurl 7.88 leaves its sockets open across exec and knows no number of probes. */
static int on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    const int probes = KEEPALIVE_PROBES;
    const unsigned unacked = UNACKED_MS;

    (void)context;
    (void)purpose;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof unacked);
    return CURL_SOCKOPT_OK;
}

static bool is_success(const KubeTransfer *transfer)
{
    long code = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
    return code >= 200 && code < 300;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    KubeTransfer *transfer = context;
    size_t length = size * count;

    transfer->last_byte_ms = clock_ms();
    if (transfer->sink != NULL && is_success(transfer))
        return transfer->sink->on_bytes(transfer->sink->context, bytes, length) ? length
                                                                                : length + 1;
    text_add_bytes(&transfer->body, bytes, length);
    return transfer->body.full ? length + 1 : length;
}

static const char *header_value(const char *line, const char *name)
{
    size_t length = strlen(name);

    return strncasecmp(line, name, length) == 0 && line[length] == ':'
               ? line + length + 1 + strspn(line + length + 1, " ")
               : NULL;
}

/* `299 - "unknown field \"spec.x\""` -> `unknown field "spec.x"` */
static void add_warning(Text *warnings, const char *value)
{
    const char *quote = strchr(value, '"');

    if (warnings->length > 0)
        text_add(warnings, "\n");
    for (const char *c = quote != NULL ? quote + 1 : value; *c != '\0' && *c != '"'; c++) {
        c += *c == '\\' && c[1] != '\0' ? 1 : 0;
        if ((unsigned char)*c >= ' ')
            text_add_bytes(warnings, c, 1);
    }
}

static void read_retry_after(KubeTransfer *transfer, const char *value)
{
    size_t digits = strspn(value, "0123456789");

    if (digits > 0 && digits <= 6) /* the other form, a date, is never sent by Kubernetes */
        transfer->retry_after_ms =
            min_i64(strtol(value, NULL, 10), RETRY_AFTER_MAX_S) * INT64_C(1000);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    KubeTransfer *transfer = context;
    size_t length = size * count;
    char line[2048];

    transfer->last_byte_ms = clock_ms();
    (void)snprintf(line, sizeof line, "%.*s", (int)min_i64((int64_t)length, sizeof line - 1),
                   bytes);
    line[strcspn(line, "\r\n")] = '\0';
    const char *warning = header_value(line, "Warning");
    const char *retry_after = header_value(line, "Retry-After");
    if (warning != NULL)
        add_warning(&transfer->warnings, warning);
    if (retry_after != NULL)
        read_retry_after(transfer, retry_after);
    if (*line == '\0' && transfer->sink != NULL && is_success(transfer))
        transfer->sink->on_open(transfer->sink->context);
    return length;
}

static void set_options(KubeTransfer *transfer, CURL *easy, char *complaint)
{
    int64_t connect_ms = min_i64(CONNECT_MS, transfer->timeout_ms);

    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    /* Each has a connection of its own: HTTP/2 would only cost both ends a tenth more. */
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)transfer->timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, complaint);
}

static bool is_readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    return fd > 0 && poll(&one, 1, 0) > 0;
}

static bool is_silent(const KubeTransfer *transfer)
{
    return transfer->sink != NULL &&
           clock_ms() - transfer->last_byte_ms > transfer->sink->silence_ms;
}

static bool is_at_its_end(KubeTransfer *transfer)
{
    if (transfer->ends_ms == 0 && is_readable(transfer->end_fd))
        transfer->ends_ms = clock_ms() + transfer->end_ms;
    return transfer->ends_ms != 0 && clock_ms() >= transfer->ends_ms;
}

/* Drives the transfer to its end; CURLE_ABORTED_BY_CALLBACK when we gave it up. */
static CURLcode drive(CURLM *multi, KubeTransfer *transfer)
{
    struct curl_waitfd stop = {.fd = transfer->stop_fd, .events = CURL_WAIT_POLLIN};
    unsigned extra = transfer->stop_fd > 0 ? 1 : 0;

    while (!transfer->stopped) {
        int running = 0;
        int left = 0;

        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return CURLE_FAILED_INIT;
        const CURLMsg *message = curl_multi_info_read(multi, &left);
        if (message != NULL)
            return message->data.result;
        if (is_silent(transfer) || is_at_its_end(transfer))
            return CURLE_OPERATION_TIMEDOUT;
        (void)curl_multi_poll(multi, &stop, extra, POLL_MS, NULL);
        transfer->stopped = is_readable(transfer->stop_fd);
    }
    return CURLE_ABORTED_BY_CALLBACK;
}

static int explain(const KubeTransfer *transfer, CURLcode result, const char *complaint,
                   Error *reterr)
{
    if (transfer->stopped)
        return error_set(reterr, ERROR_BUSY, "given up: this program is stopping");
    if (transfer->body.full)
        return error_set(reterr, ERROR_LIMIT, "the answer is larger than %d bytes",
                         KUBE_RESPONSE_MAX);
    if (result == CURLE_OPERATION_TIMEDOUT)
        return error_set(reterr, ERROR_BUSY, "no answer in time");
    return error_set(reterr, ERROR_BUSY, "%s",
                     *complaint != '\0' ? complaint : curl_easy_strerror(result));
}

/* With a 401 the API server closes the connection at once, and libcurl 7.88 may lose the body to
 * that. The code alone is an answer. */
static bool is_refusal(const KubeTransfer *transfer)
{
    return transfer->code >= 400 && !transfer->stopped;
}

int kube_transfer_run(KubeHandle *handle, KubeTransfer *transfer, Error *reterr)
{
    char complaint[CURL_ERROR_SIZE] = "";
    long code = 0;

    assert(transfer->timeout_ms > 0);
    transfer->easy = handle->easy;
    transfer->last_byte_ms = clock_ms();
    transfer->stopped = is_readable(transfer->stop_fd);
    set_options(transfer, handle->easy, complaint);
    if (curl_multi_add_handle(handle->multi, handle->easy) != CURLM_OK)
        abort(); /* memory alone can be missing */
    CURLcode result = drive(handle->multi, transfer);
    (void)curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &code);
    (void)curl_multi_remove_handle(handle->multi, handle->easy);
    (void)curl_easy_setopt(handle->easy, CURLOPT_ERRORBUFFER, NULL);
    transfer->code = code;
    transfer->whole = result == CURLE_OK;
    transfer->broke = result != CURLE_OK && result != CURLE_WRITE_ERROR && !transfer->stopped;
    transfer->untrusted = result == CURLE_SSL_CERTPROBLEM || result == CURLE_SSL_CONNECT_ERROR ||
                          result == CURLE_PEER_FAILED_VERIFICATION;
    if (result == CURLE_OK || is_refusal(transfer))
        return 0;
    return explain(transfer, result, complaint, reterr);
}

/* The exporter against a collector that plays a script. */
#include <poll.h>
#include <stdatomic.h>

#include "clock.h"
#include "fake_http.h"
#include "metrics.h"
#include "otlp.h"
#include "unit.h"

enum {
    WAIT_MS = 20000,
    FLUSH_MS = 5000,
    SOON_MS = 20,
    LATE_MS = 60000,
    QUEUE_AND_BATCH = 2048 + 256
};

static atomic_int complaints;
static atomic_int recoveries;

static void on_told(const char *why)
{
    atomic_fetch_add(why != NULL ? &complaints : &recoveries, 1);
}

static int64_t counted(const char *result)
{
    DEFER(text_done) Text text = TEXT_MAX(1 << 16);
    char name[80];

    metrics_render(&text);
    (void)snprintf(name, sizeof name, "bulkhead_otlp_spans_total{result=\"%s\"} ", result);
    const char *at = strstr(text_get(&text), name);
    return at != NULL ? strtoll(at + strlen(name), NULL, 10) : 0;
}

static Otlp *started(const FakeHttp *server, const char *path, int64_t gather_ms)
{
    static char endpoint[128];
    Otlp *otlp = NULL;
    Error error;

    atomic_store(&complaints, 0);
    atomic_store(&recoveries, 0);
    (void)snprintf(endpoint, sizeof endpoint, "%s%s", fake_http_url(server), path);
    const OtlpSettings settings = {
        .endpoint = endpoint,
        .source = {.service = "test", .version = "1", .instance = "here"},
        .gather_ms = gather_ms,
        .tell = on_told,
    };
    assert_int_equal(otlp_start(&settings, &otlp, &error), 0);
    return otlp;
}

static void add(Otlp *otlp, const char *name)
{
    const Span span = {
        .context = {.trace = "0af7651916cd43dd8448eb211c80319c", .span = "b7ad6b7169203331"},
        .name = name,
        .kind = SPAN_SERVER,
    };

    otlp_add(otlp, &span);
}

static void wait_for_requests(FakeHttp *server, size_t count)
{
    const int64_t end = clock_ms() + WAIT_MS;

    while (fake_http_requests(server) < count && clock_ms() < end)
        (void)poll(NULL, 0, 5);
    assert_int_equal(fake_http_requests(server), count);
}

TEST(spans_are_posted_together)
{
    static const FakeReply replies[] = {{.body = "{}"}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    Otlp *otlp = started(server, "/", LATE_MS);
    const int64_t before = counted("sent");

    add(otlp, "first");
    add(otlp, "second");
    otlp_stop(otlp, FLUSH_MS);
    const char *request = fake_http_request(server, 0);
    assert_true(text_starts(request, "POST /v1/traces HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(request, "\"name\":\"first\""));
    assert_non_null(strstr(request, "\"name\":\"second\""));
    assert_int_equal(counted("sent") - before, 2);
    assert_int_equal(complaints, 0);
}

TEST(what_the_collector_cannot_take_now_comes_again)
{
    static const FakeReply replies[] = {
        {.status = "503 Service Unavailable", .headers = "Retry-After: 1\r\n"},
        {.end = FAKE_NOTHING},
        {.status = "429 Too Many Requests"},
        {.body = "{}"},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    Otlp *otlp = started(server, "", SOON_MS);
    const int64_t before = counted("sent");

    add(otlp, "stubborn");
    wait_for_requests(server, ARRAY_SIZE(replies));
    otlp_stop(otlp, FLUSH_MS);
    assert_non_null(strstr(fake_http_request(server, 3), "\"name\":\"stubborn\""));
    assert_int_equal(counted("sent") - before, 1);
    assert_int_equal(complaints, 1); /* once, not for each try */
    assert_int_equal(recoveries, 1);
}

TEST(what_the_collector_refuses_does_not)
{
    static const FakeReply replies[] = {{.status = "400 Bad Request"}, {.body = "{}"}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    Otlp *otlp = started(server, "", SOON_MS);
    const int64_t before = counted("failed");

    add(otlp, "refused");
    wait_for_requests(server, 1);
    add(otlp, "taken");
    otlp_stop(otlp, FLUSH_MS);
    assert_int_equal(fake_http_requests(server), 2);
    assert_null(strstr(fake_http_request(server, 1), "\"name\":\"refused\""));
    assert_int_equal(counted("failed") - before, 1);
}

TEST(spans_that_the_collector_rejects_are_counted)
{
    static const FakeReply replies[] = {{.body = "{\"partialSuccess\":{\"rejectedSpans\":\"1\"}}"}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    Otlp *otlp = started(server, "", LATE_MS);
    const int64_t sent = counted("sent");
    const int64_t failed = counted("failed");

    add(otlp, "one");
    add(otlp, "other");
    otlp_stop(otlp, FLUSH_MS);
    assert_int_equal(counted("sent") - sent, 1);
    assert_int_equal(counted("failed") - failed, 1);
}

TEST(a_silent_collector_holds_up_nobody)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(NULL, 0);
    Otlp *otlp = started(server, "", SOON_MS);
    const int64_t before = counted("dropped");
    const int64_t began = clock_ms();

    add(otlp, "the first");
    wait_for_requests(server, 1);
    for (int i = 0; i < QUEUE_AND_BATCH; i++)
        add(otlp, "one more");
    assert_int_equal(counted("dropped") - before, QUEUE_AND_BATCH - 2048);
    otlp_stop(otlp, 100);
    assert_true(clock_ms() - began < WAIT_MS);
}

TEST(nothing_to_send_is_not_sent)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(NULL, 0);

    otlp_stop(started(server, "", SOON_MS), FLUSH_MS);
    otlp_stop(NULL, FLUSH_MS);
    add(NULL, "nowhere");
    assert_int_equal(fake_http_requests(server), 0);
}

TEST(an_endpoint_that_is_no_url_is_told)
{
    static const char *const endpoints[] = {"collector:4318", "ftp://x", "http://", ""};

    for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
        const OtlpSettings settings = {.endpoint = endpoints[i], .tell = on_told};
        Otlp *otlp = NULL;
        Error error;

        assert_int_equal(otlp_start(&settings, &otlp, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text,
                            "--otlp-endpoint: want a URL such as http://collector:4318");
    }
}

TEST(the_flag_wins_over_the_environment)
{
    assert_int_equal(unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT"), 0);
    assert_null(otlp_endpoint(NULL));
    assert_int_equal(setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://standard", 1), 0);
    assert_string_equal(otlp_endpoint(NULL), "http://standard");
    assert_string_equal(otlp_endpoint("http://flag"), "http://flag");
    assert_int_equal(unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_posted_together),
        cmocka_unit_test(what_the_collector_cannot_take_now_comes_again),
        cmocka_unit_test(what_the_collector_refuses_does_not),
        cmocka_unit_test(spans_that_the_collector_rejects_are_counted),
        cmocka_unit_test(a_silent_collector_holds_up_nobody),
        cmocka_unit_test(nothing_to_send_is_not_sent),
        cmocka_unit_test(an_endpoint_that_is_no_url_is_told),
        cmocka_unit_test(the_flag_wins_over_the_environment),
    };

    json_init();
    otlp_register_metrics();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

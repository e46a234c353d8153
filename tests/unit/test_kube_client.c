#include <sys/timerfd.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "fake_http.h"
#include "folder.h"
#include "kube_client.h"
#include "unit.h"

/* A client of SERVER; USER is what the kubeconfig says in the user's braces. */
static KubeClient *connect_as(const FakeHttp *server, const Folder *folder, const char *user)
{
    DEFER(defer_free) char *path = folder_file(folder, "config");
    DEFER(defer_free)
    char *text = xasprintf("current-context: x\n"
                           "contexts: [{name: x, context: {cluster: x, user: x}}]\n"
                           "clusters: [{name: x, cluster: {server: \"%s\"}}]\n"
                           "users: [{name: x, user: {%s}}]\n",
                           fake_http_url(server), user);
    KubeConfig *config = NULL;
    KubeClient *client = NULL;
    Error error = {0};

    folder_write(folder, "config", text);
    if (kube_config_load(path, NULL, &config, &error) < 0 ||
        kube_client_new(config, "bulkhead-test", &client, &error) < 0)
        fail_msg("%s", error.text);
    return client;
}

/* Sends REQUEST to a server that plays REPLIES; the kind of the error, ERROR_NONE if there was
 * none. */
static ErrorKind play(FakeHttp *server, const KubeRequest *request, KubeResponse *ret_response,
                      Error *reterr)
{
    DEFER(folder_done) Folder folder;

    folder_init(&folder);
    DEFER(defer_kube_client) KubeClient *client = connect_as(server, &folder, "token: t");
    return kube_request(client, request, ret_response, reterr) < 0 ? reterr->kind : ERROR_NONE;
}

static const KubeRequest get = {.method = "GET", .path = "/api/v1/things?x=1"};

static void expect_line(const char *request, const char *line)
{
    if (strstr(request, line) == NULL)
        fail_msg("no '%s' in:\n%s", line, request);
}

TEST(a_request_says_who_asks_for_what)
{
    static const FakeReply replies[] = {{.body = "{\"a\":1}"}, {.body = "{}"}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    DEFER(folder_done) Folder folder;
    DEFER(kube_response_done) KubeResponse first = {0};
    DEFER(kube_response_done) KubeResponse second = {0};
    DEFER(defer_json) cJSON *body = cJSON_CreateString("x");
    const KubeRequest post = {
        .method = "PATCH", .path = "/p", .body = body, .content_type = "a/b", .accept = "c/d"};
    Error error = {0};

    folder_init(&folder);
    DEFER(defer_kube_client)
    KubeClient *client = connect_as(server, &folder, "token: abc, as: bob, as-groups: [g]");
    assert_int_equal(kube_request(client, &get, &first, &error), 0);
    assert_int_equal(kube_request(client, &post, &second, &error), 0);
    assert_int_equal(first.code, 200);
    assert_int_equal(json_int(first.json, "a", 0), 1);
    assert_int_equal(first.retry_after_ms, -1);
    assert_null(first.warnings);

    const char *request = fake_http_request(server, 0);
    expect_line(request, "GET /api/v1/things?x=1 HTTP/1.1\r\n");
    expect_line(request, "\r\nAuthorization: Bearer abc\r\n");
    expect_line(request, "\r\nUser-Agent: bulkhead-test/" BULKHEAD_VERSION "\r\n");
    expect_line(request, "\r\nAccept: application/json\r\n");
    expect_line(request, "\r\nAccept-Encoding: gzip\r\n");
    expect_line(request, "\r\nImpersonate-User: bob\r\nImpersonate-Group: g\r\n");
    request = fake_http_request(server, 1);
    expect_line(request, "PATCH /p HTTP/1.1\r\n");
    expect_line(request, "\r\nAccept: c/d\r\n");
    expect_line(request, "\r\nContent-Type: a/b\r\n");
    expect_line(request, "\r\n\r\n\"x\"");
}

TEST(names_and_places_are_known)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(NULL, 0);
    DEFER(folder_done) Folder folder;

    folder_init(&folder);
    DEFER(defer_kube_client) KubeClient *client = connect_as(server, &folder, "");
    assert_string_equal(kube_client_name(client), "bulkhead-test");
    assert_string_equal(kube_client_server(client), fake_http_url(server));
    assert_string_equal(kube_client_namespace(client), "default");
}

TEST(one_connection_serves_many_requests)
{
    static const FakeReply replies[] = {{.body = "{}"}, {.status = "404 Not Found"},
                                        {.body = "{}"}, {.end = FAKE_NOTHING},
                                        {.body = "{}"}, {.body = "{}"}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    DEFER(folder_done) Folder folder;
    Error error = {0};

    folder_init(&folder);
    DEFER(defer_kube_client) KubeClient *client = connect_as(server, &folder, "");
    for (size_t i = 0; i < 5; i++) {
        DEFER(kube_response_done) KubeResponse response = {0};

        assert_int_equal(kube_exchange(client, &get, &response, &error), 0);
    }
    /* libcurl itself repeats a request whose reused connection died before a byte came. */
    assert_int_equal(fake_http_requests(server), 6);
    assert_int_equal(fake_http_connections(server), 2);
}

TEST(a_connection_that_nobody_has_used_for_long_is_closed)
{
    static const FakeReply replies[] = {{.body = "{}"}, {.body = "{}"}, {.body = "{}"}};
    static const int64_t quiet_ms[] = {600000, 0}; /* before the second request and the third */
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    DEFER(folder_done) Folder folder;
    Error error = {0};

    folder_init(&folder);
    DEFER(defer_kube_client) KubeClient *client = connect_as(server, &folder, "");
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        DEFER(kube_response_done) KubeResponse response = {0};

        assert_int_equal(kube_exchange(client, &get, &response, &error), 0);
        assert_int_equal(fake_http_connections(server), i < 2 ? 1 : 2);
        if (i < ARRAY_SIZE(quiet_ms))
            kube_client_trim(client, quiet_ms[i]);
    }
}

TEST(a_token_is_read_again_at_once_when_it_is_refused)
{
    static const FakeReply replies[] = {
        {.status = "401 Unauthorized", .body = "{}"}, {.body = "{}"}, {.body = "{}"}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    DEFER(folder_done) Folder folder;
    Error error = {0};

    folder_init(&folder);
    folder_write(&folder, "token", "old\n");
    DEFER(defer_kube_client) KubeClient *client = connect_as(server, &folder, "tokenFile: token");
    folder_write(&folder, "token", "new\n");
    for (size_t i = 0; i < 2; i++) {
        DEFER(kube_response_done) KubeResponse response = {0};

        assert_int_equal(kube_request(client, &get, &response, &error), 0);
    }
    expect_line(fake_http_request(server, 0), "Authorization: Bearer old\r\n");
    expect_line(fake_http_request(server, 1), "Authorization: Bearer new\r\n");
    expect_line(fake_http_request(server, 2), "Authorization: Bearer new\r\n");
}

TEST(a_second_refusal_is_final)
{
    static const FakeReply replies[] = {{.status = "401 Unauthorized", .body = "{}"},
                                        {.status = "401 Unauthorized", .body = "{}"}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    KubeResponse response = {0};
    Error error = {0};

    assert_int_equal(play(server, &get, &response, &error), ERROR_DENIED);
    assert_string_equal(error.text, "the API server does not accept our credentials (HTTP 401)");
}

/* The API server closes the connection with a 401, and libcurl may lose the body to that. */
TEST(a_refusal_whose_body_is_cut_is_a_refusal)
{
    static const FakeReply replies[] = {
        {.status = "403 Forbidden", .body = "{\"mess", .end = FAKE_CUT}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    KubeResponse response = {0};
    Error error = {0};

    assert_int_equal(play(server, &get, &response, &error), ERROR_DENIED);
}

TEST(a_server_that_asks_to_come_back_is_asked_again)
{
    static const FakeReply replies[] = {
        {.status = "429 Too Many Requests", .headers = "Retry-After: 0\r\n"},
        {.status = "503 Service Unavailable", .headers = "retry-after:  0\r\n"},
        {.body = "{\"a\":1}"},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    DEFER(kube_response_done) KubeResponse response = {0};
    Error error = {0};

    assert_int_equal(play(server, &get, &response, &error), ERROR_NONE);
    assert_int_equal(json_int(response.json, "a", 0), 1);
}

TEST(without_retry_after_or_time_for_it_nothing_is_repeated)
{
    static const FakeReply cases[] = {
        {.status = "503 Service Unavailable"},
        {.status = "429 Too Many Requests", .headers = "Retry-After: 31\r\n"},
        {.status = "409 Conflict", .headers = "Retry-After: 0\r\n"},
        {.status = "500 Oh", .headers = "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&cases[i], 1);
        KubeResponse response = {0};
        Error error = {0};

        assert_int_equal(play(server, &get, &response, &error),
                         i == 2 ? ERROR_CONFLICT : ERROR_BUSY);
        assert_int_equal(fake_http_requests(server), 1);
    }
}

TEST(warnings_are_handed_on)
{
    static const FakeReply replies[] = {{.headers =
                                             "Warning: 299 - \"unknown field \\\"spec.x\\\"\"\r\n"
                                             "warning: 299 - \"tenants are deprecated\"\r\n",
                                         .body = "{}"}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    DEFER(kube_response_done) KubeResponse response = {0};
    Error error = {0};

    assert_int_equal(play(server, &get, &response, &error), ERROR_NONE);
    assert_string_equal(response.warnings, "unknown field \"spec.x\"\ntenants are deprecated");
}

TEST(a_packed_answer_is_unpacked)
{
    static const FakeReply replies[] = {
        {.headers = "Content-Encoding: gzip\r\n",
         .body = "\037\213\010\000\000\000\000\000\002\003\253\126\312\316\314\113\121\262\122\012"
                 "\111\315\113\314\053\121\322\121\312\115\055\111\114\111\054\111\124\262\252\126"
                 "\312\113\314\115\005\312\045\046\003\251\332\132\000\116\306\212\351\054\000\000"
                 "\000",
         .length = 61}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    DEFER(kube_response_done) KubeResponse response = {0};
    Error error = {0};

    assert_int_equal(play(server, &get, &response, &error), ERROR_NONE);
    assert_string_equal(json_text(response.json, "metadata.name", ""), "acme");
}

TEST(an_answer_that_is_no_json_has_its_code)
{
    static const FakeReply replies[] = {{.status = "502 Bad Gateway", .body = "<html>"}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    KubeResponse response = {0};
    Error error = {0};

    assert_int_equal(play(server, &get, &response, &error), ERROR_BUSY);
    assert_string_equal(error.text, "no reason given (HTTP 502)");
}

/* The address in front is another each time. */
static void expect_tail(const Error *error, const char *want)
{
    size_t length = strlen(error->text);
    size_t want_length = strlen(want);

    assert_true(length >= want_length);
    assert_string_equal(error->text + length - want_length, want);
}

TEST(an_answer_larger_than_the_limit_is_refused)
{
    DEFER(defer_free) char *body = xmalloc(KUBE_RESPONSE_MAX + 1);
    const FakeReply reply = {.body = body, .length = KUBE_RESPONSE_MAX + 1};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&reply, 1);
    KubeResponse response = {0};
    Error error = {0};

    memset(body, ' ', KUBE_RESPONSE_MAX + 1);
    assert_int_equal(play(server, &get, &response, &error), ERROR_LIMIT);
    expect_tail(&error, "/api/v1/things: the answer is larger than 16777216 bytes");
}

TEST(a_silent_server_is_given_up_in_time)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(NULL, 0);
    const KubeRequest brief = {.method = "GET", .path = "/p", .timeout_ms = 200};
    KubeResponse response = {0};
    Error error = {0};
    int64_t start_ms = clock_ms();

    assert_int_equal(play(server, &brief, &response, &error), ERROR_BUSY);
    expect_tail(&error, "/p: no answer in time");
    assert_true(clock_ms() - start_ms < 2000);
}

TEST(an_answer_that_is_cut_is_none)
{
    static const FakeReply replies[] = {{.body = "{\"items\":[", .end = FAKE_CUT}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    KubeResponse response = {0};
    Error error = {0};

    assert_int_equal(play(server, &get, &response, &error), ERROR_BUSY);
}

TEST(nobody_there_is_said_with_the_address)
{
    FakeHttp *server = fake_http_start(NULL, 0);
    DEFER(folder_done) Folder folder;
    DEFER(defer_free) char *url = xstrdup(fake_http_url(server));
    DEFER(defer_free) char *want = xasprintf("GET %s/api/v1/things: Failed to connect", url);
    KubeResponse response = {0};
    Error error = {0};

    folder_init(&folder);
    DEFER(defer_kube_client) KubeClient *client = connect_as(server, &folder, "");
    fake_http_stop(server);
    assert_int_equal(kube_request(client, &get, &response, &error), -1);
    assert_int_equal(error.kind, ERROR_BUSY);
    expect_line(error.text, want);
}

TEST(a_stop_ends_a_request_and_the_wait_for_the_next_try)
{
    static const FakeReply cases[] = {
        {.body = "{", .end = FAKE_OPEN},
        {.status = "429 Too Many Requests", .headers = "Retry-After: 20\r\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&cases[i], 1);
        int stop = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
        const struct itimerspec soon = {.it_value = {.tv_nsec = 100000000}};
        const KubeRequest request = {.method = "GET", .path = "/p", .stop_fd = stop};
        KubeResponse response = {0};
        Error error = {0};
        int64_t start_ms = clock_ms();

        assert_int_equal(timerfd_settime(stop, 0, &soon, NULL), 0);
        assert_int_equal(play(server, &request, &response, &error), ERROR_BUSY);
        assert_true(clock_ms() - start_ms < 1000);
        (void)close(stop);
    }
}

TEST(an_address_that_is_none_is_refused)
{
    static const char *const cases[][2] = {
        {"https://a b", "test: server 'https://a b' is no URL"},
        {"https://me:secret@k", "test: server must not carry a user or a password"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        KubeConfig *config = xcalloc(1, sizeof *config);
        KubeClient *client = NULL;
        Error error = {0};

        config->origin = xstrdup("test");
        config->server = xstrdup(cases[i][0]);
        assert_int_equal(kube_client_new(config, "me", &client, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i][1]);
    }
}

TEST(a_file_that_is_missing_is_named_at_once)
{
    KubeConfig *config = xcalloc(1, sizeof *config);
    KubeClient *client = NULL;
    Error error = {0};

    config->origin = xstrdup("test");
    config->server = xstrdup("https://k");
    config->ca.path = xstrdup("/nowhere/ca.crt");
    assert_int_equal(kube_client_new(config, "me", &client, &error), -1);
    assert_string_equal(error.text,
                        "test: /nowhere/ca.crt: cannot be read: No such file or directory");
}

static void on_open(void *context)
{
    *(int *)context += 1000;
}

static bool on_bytes(void *context, const char *bytes, size_t length)
{
    (void)bytes;
    *(int *)context += (int)length;
    return *(int *)context < 1006;
}

TEST(a_stream_is_handed_on_as_it_comes)
{
    static const FakeReply replies[] = {{.body = "12345"},
                                        {.status = "410 Gone", .body = "{\"code\":410}"},
                                        {.body = "1234567890", .end = FAKE_OPEN},
                                        {.body = "1", .end = FAKE_OPEN}};
    static const struct {
        int64_t code;
        int result;
        int taken;
    } want[] = {{200, 0, 1005}, {410, 0, 0}, {0, -1, 1010}, {0, -1, 1001}};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    DEFER(folder_done) Folder folder;
    Error error = {0};

    folder_init(&folder);
    DEFER(defer_kube_client) KubeClient *client = connect_as(server, &folder, "");
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        DEFER(kube_response_done) KubeResponse response = {0};
        int taken = 0;
        const KubeSink sink = {
            .on_open = on_open, .on_bytes = on_bytes, .context = &taken, .silence_ms = 300};

        assert_int_equal(kube_stream(client, &get, &sink, &response, &error), want[i].result);
        assert_int_equal(response.code, want[i].code);
        assert_int_equal(taken, want[i].taken);
    }
    assert_null(strstr(fake_http_request(server, 0), "Accept-Encoding"));
}

static void send_ok(KubeClient *client, const KubeRequest *request)
{
    DEFER(kube_response_done) KubeResponse response = {0};
    Error error = {0};

    assert_int_equal(kube_request(client, request, &response, &error), 0);
}

TEST(requests_wait_for_our_own_limit_and_urgent_ones_do_not)
{
    static const FakeReply replies[] = {
        {.body = "{}"}, {.body = "{}"}, {.body = "{}"}, {.body = "{}"}};
    static const KubeRequest urgent = {.method = "GET", .path = "/x", .urgent = true};
    static const KubeRequest hasty = {.method = "GET", .path = "/x", .timeout_ms = 10};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));
    DEFER(folder_done) Folder folder;
    KubeResponse response;
    Error error = {0};

    folder_init(&folder);
    DEFER(defer_kube_client) KubeClient *client = connect_as(server, &folder, "");
    kube_client_limit(client, 20, 1);
    int64_t began_ms = clock_ms();
    send_ok(client, &get);
    send_ok(client, &get);
    assert_true(clock_ms() - began_ms >= 49);
    kube_client_limit(client, 1, 1);
    send_ok(client, &get);
    assert_int_equal(kube_request(client, &hasty, &response, &error), -1);
    assert_int_equal(error.kind, ERROR_BUSY);
    expect_tail(&error, ": our own limit of 1 requests a second leaves no time for it");
    send_ok(client, &urgent);
    assert_int_equal(fake_http_requests(server), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_says_who_asks_for_what),
        cmocka_unit_test(names_and_places_are_known),
        cmocka_unit_test(one_connection_serves_many_requests),
        cmocka_unit_test(a_connection_that_nobody_has_used_for_long_is_closed),
        cmocka_unit_test(a_token_is_read_again_at_once_when_it_is_refused),
        cmocka_unit_test(a_second_refusal_is_final),
        cmocka_unit_test(a_refusal_whose_body_is_cut_is_a_refusal),
        cmocka_unit_test(a_server_that_asks_to_come_back_is_asked_again),
        cmocka_unit_test(without_retry_after_or_time_for_it_nothing_is_repeated),
        cmocka_unit_test(warnings_are_handed_on),
        cmocka_unit_test(a_packed_answer_is_unpacked),
        cmocka_unit_test(an_answer_that_is_no_json_has_its_code),
        cmocka_unit_test(an_answer_larger_than_the_limit_is_refused),
        cmocka_unit_test(a_silent_server_is_given_up_in_time),
        cmocka_unit_test(an_answer_that_is_cut_is_none),
        cmocka_unit_test(nobody_there_is_said_with_the_address),
        cmocka_unit_test(a_stop_ends_a_request_and_the_wait_for_the_next_try),
        cmocka_unit_test(an_address_that_is_none_is_refused),
        cmocka_unit_test(a_file_that_is_missing_is_named_at_once),
        cmocka_unit_test(a_stream_is_handed_on_as_it_comes),
        cmocka_unit_test(requests_wait_for_our_own_limit_and_urgent_ones_do_not),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

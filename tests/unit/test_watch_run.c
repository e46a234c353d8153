/* The watch against scripted servers: a script in, what the handler was told out. */
#include "alloc.h"
#include "fake_http.h"
#include "text.h"
#include "unit.h"
#include "watch.h"

#define AT(name, version)                                                                          \
    "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version                          \
    "\",\"managedFields\":[1]}}"
#define EVENT(type, name, version) "{\"type\":\"" type "\",\"object\":" AT(name, version) "}\n"
#define BOOKMARK(version)                                                                          \
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version "\"}}}\n"
#define INITIAL_END(version)                                                                       \
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version              \
    "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define GONE_EVENT                                                                                 \
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"message\":\"too old\",\"reason\":"      \
    "\"Expired\",\"code\":410}}\n"

#define STREAM_LIST                                                                                \
    "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderTha" \
    "n&timeoutSeconds="
#define FOLLOW(version)                                                                            \
    "?watch=true&allowWatchBookmarks=true&resourceVersion=" version "&timeoutSeconds="

static void on_sync_begin(void *context)
{
    text_add(context, "begin ");
}

static void on_synced(void *context)
{
    text_add(context, "synced ");
}

static void on_object(void *context, cJSON *object, bool initial)
{
    text_addf(context, "%s%s@%s ", initial ? "=" : "+", json_text(object, "metadata.name", ""),
              json_text(object, "metadata.resourceVersion", ""));
    if (json_at(object, "metadata.managedFields") != NULL)
        text_add(context, "(managed fields) ");
    if (json_at(object, "kind") != NULL)
        text_addf(context, "(%s) ", json_text(object, "kind", ""));
    cJSON_Delete(object);
}

static void on_delete(void *context, const cJSON *object)
{
    text_addf(context, "-%s ", json_text(object, "metadata.name", ""));
}

static void on_trouble(void *context, const Error *error)
{
    text_addf(context, "!%s ", error_reason(error->kind));
}

static KubeClient *connect_to(const FakeHttp *server)
{
    KubeConfig *config = xcalloc(1, sizeof *config);
    KubeClient *client = NULL;
    Error error = {0};

    config->origin = xstrdup("test");
    config->server = xstrdup(fake_http_url(server));
    assert_int_equal(kube_client_new(config, "me", &client, &error), 0);
    return client;
}

/* Watches SERVER until its script is over; what was told must be WANT. */
static void expect_told(FakeHttp *server, const char *want)
{
    static const KubeResource tenants = {"bulkhead.dev", "v1alpha1", "tenants", "Tenant"};
    DEFER(defer_kube_client) KubeClient *client = connect_to(server);
    DEFER(text_done) Text told = TEXT_MAX(1 << 16);
    const WatchTarget target = {.resource = &tenants, .labels = "a=b"};
    Pulse pulse = {0};
    const WatchHandler handler = {
        .context = &told,
        .pulse = &pulse,
        .on_sync_begin = on_sync_begin,
        .on_synced = on_synced,
        .on_object = on_object,
        .on_delete = on_delete,
        .on_trouble = on_trouble,
    };

    watch_run(client, &target, &handler, fake_http_done_fd(server));
    assert_string_equal(text_get(&told), want);
    assert_true(pulse.beat_ms > 0);
}

/* Request I asks for all tenants with these parameters, up to the one that differs each time. */
static void expect_asked(FakeHttp *server, size_t i, const char *parameters)
{
    DEFER(defer_free)
    char *want = xasprintf("GET /apis/bulkhead.dev/v1alpha1/tenants%s", parameters);
    const char *got = fake_http_request(server, i);

    if (!text_starts(got, want))
        fail_msg("request %zu is not '%s' but:\n%s", i, want, got);
    assert_non_null(strstr(got, "&labelSelector=a%3Db "));
}

TEST(a_streamed_list_goes_on_as_a_watch)
{
    static const FakeReply replies[] = {
        {.body = EVENT("ADDED", "a", "7") EVENT("ADDED", "b", "3") INITIAL_END("10")
             EVENT("MODIFIED", "a", "11") EVENT("DELETED", "b", "12") BOOKMARK("20"),
         .end = FAKE_CUT},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

    expect_told(server, "begin =a@7 =b@3 synced +a@11 -b ");
    expect_asked(server, 0, STREAM_LIST);
    expect_asked(server, 1, FOLLOW("20"));
}

TEST(a_break_in_a_line_is_resumed_from_the_last_whole_one)
{
    static const FakeReply replies[] = {
        {.body = INITIAL_END("10") EVENT("ADDED", "a", "11") "{\"type\":\"ADDED\",\"obj",
         .end = FAKE_CUT},
        {.body = EVENT("ADDED", "b", "12")},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

    expect_told(server, "begin synced +a@11 +b@12 ");
    expect_asked(server, 1, FOLLOW("11"));
    expect_asked(server, 2, FOLLOW("12"));
}

TEST(the_version_never_goes_back)
{
    static const FakeReply replies[] = {
        {.body = INITIAL_END("100") EVENT("MODIFIED", "a", "99") BOOKMARK("98")},
        {.body = EVENT("MODIFIED", "a", "101")},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

    expect_told(server, "begin synced +a@99 +a@101 ");
    expect_asked(server, 1, FOLLOW("100"));
    expect_asked(server, 2, FOLLOW("101"));
}

TEST(a_deletion_before_the_list_is_whole_is_told)
{
    static const FakeReply replies[] = {
        {.body = EVENT("ADDED", "a", "7") EVENT("DELETED", "a", "8") EVENT("MODIFIED", "b", "9")
             INITIAL_END("10")},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

    expect_told(server, "begin =a@7 -a =b@9 synced ");
    expect_asked(server, 1, FOLLOW("10"));
}

TEST(a_version_that_is_gone_is_listed_anew_whatever_its_shape)
{
    static const FakeReply shapes[] = {
        {.body = GONE_EVENT},
        {.status = "410 Gone", .body = "{\"reason\":\"Gone\",\"code\":410}"},
        {.status = "504 Gateway Timeout",
         .body = "{\"code\":504,\"details\":{\"causes\":[{\"reason\":"
                 "\"ResourceVersionTooLarge\"}]}}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        const FakeReply replies[] = {
            {.body = EVENT("ADDED", "a", "7") INITIAL_END("10")},
            shapes[i],
            {.body = EVENT("ADDED", "b", "8") INITIAL_END("30")},
        };
        DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

        expect_told(server, "begin =a@7 synced begin =b@8 synced ");
        expect_asked(server, 1, FOLLOW("10"));
        expect_asked(server, 2, STREAM_LIST);
        expect_asked(server, 3, FOLLOW("30"));
    }
}

TEST(a_server_that_cannot_stream_lists_gives_pages)
{
    static const FakeReply replies[] = {
        {.status = "422 Unprocessable Entity", .body = "{\"reason\":\"Invalid\"}"},
        {.body = "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"n&xt\"},\"items\":[" AT(
             "a", "1") "," AT("b", "2") "]}"},
        {.body = "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" AT("c", "3") "]}"},
        {.body = GONE_EVENT},
        {.body = "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":null}"},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

    expect_told(server, "begin =a@1 (Tenant) =b@2 (Tenant) =c@3 (Tenant) synced "
                        "begin synced ");
    expect_asked(server, 1, "?limit=500&labelSelector");
    expect_asked(server, 2, "?limit=500&continue=n%26xt&labelSelector");
    expect_asked(server, 3, FOLLOW("5"));
    expect_asked(server, 4, "?limit=500&labelSelector");
    expect_asked(server, 5, FOLLOW("9"));
}

TEST(a_page_that_is_gone_begins_the_list_again)
{
    static const FakeReply replies[] = {
        {.status = "400 Bad Request", .body = "{\"reason\":\"BadRequest\"}"},
        {.body = "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"n\"},\"items\":[" AT(
             "a", "1") "]}"},
        {.status = "410 Gone", .body = "{\"reason\":\"Expired\",\"code\":410}"},
        {.body = "{\"metadata\":{\"resourceVersion\":\"6\"},\"items\":[" AT("a", "1") "]}"},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

    expect_told(server, "begin =a@1 (Tenant) begin =a@1 (Tenant) synced ");
    expect_asked(server, 3, "?limit=500&labelSelector");
    expect_asked(server, 4, FOLLOW("6"));
}

TEST(a_list_that_breaks_is_not_whole)
{
    static const FakeReply replies[] = {
        {.body = EVENT("ADDED", "a", "7"), .end = FAKE_CUT},
        {.body = "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" AT("a", "7") "]}"},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

    expect_told(server, "begin =a@7 begin =a@7 (Tenant) synced ");
    expect_asked(server, 2, FOLLOW("9"));
}

/* As it was seen with kube-apiserver 1.36: the watch closes, then 429 for a second. */
TEST(an_update_of_the_crd_is_no_trouble)
{
    static const FakeReply busy = {
        .status = "429 Too Many Requests",
        .headers = "Retry-After: 0\r\n",
        .body = "{\"message\":\"storage is (re)initializing\",\"code\":429}"};
    const FakeReply replies[] = {
        {.body = INITIAL_END("10")},
        busy,
        busy,
        {.body = EVENT("ADDED", "a", "11")},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

    expect_told(server, "begin synced +a@11 ");
    expect_asked(server, 3, FOLLOW("10"));
}

TEST(what_someone_must_act_on_is_told_at_once)
{
    static const FakeReply replies[] = {
        {.status = "404 Not Found", .body = "{\"reason\":\"NotFound\"}"},
        {.status = "403 Forbidden", .body = "{\"reason\":\"Forbidden\"}"},
        {.body = "{\"type\":\"WHAT\"}\n", .end = FAKE_OPEN},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

    expect_told(server, "!RefusedByServer !Denied begin !InvalidSpec ");
    expect_asked(server, 1, STREAM_LIST);
    expect_asked(server, 3, "?limit=500&labelSelector");
}

TEST(a_dead_connection_is_told_and_resumed)
{
    static const FakeReply replies[] = {
        {.body = INITIAL_END("10"), .end = FAKE_CUT},
        {.end = FAKE_NOTHING},
        {.body = EVENT("ADDED", "a", "11")},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

    expect_told(server, "begin synced !Unavailable +a@11 ");
    expect_asked(server, 2, FOLLOW("10"));
}

TEST(pages_that_are_too_large_become_smaller)
{
    DEFER(defer_free) char *large = xmalloc(KUBE_RESPONSE_MAX + 1);
    const FakeReply replies[] = {
        {.status = "400 Bad Request"},
        {.body = large, .length = KUBE_RESPONSE_MAX + 1},
        {.body = "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" AT("a", "7") "]}"},
    };
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(replies, ARRAY_SIZE(replies));

    memset(large, ' ', KUBE_RESPONSE_MAX + 1);
    expect_told(server, "!InsufficientResources begin =a@7 (Tenant) synced ");
    expect_asked(server, 1, "?limit=500&labelSelector");
    expect_asked(server, 2, "?limit=125&labelSelector");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_streamed_list_goes_on_as_a_watch),
        cmocka_unit_test(a_break_in_a_line_is_resumed_from_the_last_whole_one),
        cmocka_unit_test(the_version_never_goes_back),
        cmocka_unit_test(a_deletion_before_the_list_is_whole_is_told),
        cmocka_unit_test(a_version_that_is_gone_is_listed_anew_whatever_its_shape),
        cmocka_unit_test(a_server_that_cannot_stream_lists_gives_pages),
        cmocka_unit_test(a_page_that_is_gone_begins_the_list_again),
        cmocka_unit_test(a_list_that_breaks_is_not_whole),
        cmocka_unit_test(an_update_of_the_crd_is_no_trouble),
        cmocka_unit_test(what_someone_must_act_on_is_told_at_once),
        cmocka_unit_test(pages_that_are_too_large_become_smaller),
        cmocka_unit_test(a_dead_connection_is_told_and_resumed),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

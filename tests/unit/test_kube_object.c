#include "alloc.h"
#include "fake_http.h"
#include "kube_object.h"
#include "unit.h"

static const KubeResource tenants = {"bulkhead.dev", "v1alpha1", "tenants", "Tenant"};
static const KubeRef acme = {.resource = &tenants, .name = "acme"};

static cJSON *parsed(const char *text)
{
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &json, &error), 0);
    return json;
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

/* The first request: its line, its Content-Type (NULL: none) and its body as JSON. */
static void expect_request(FakeHttp *server, const char *line, const char *type, const char *body)
{
    const char *request = fake_http_request(server, 0);
    const char *end = strstr(request, "\r\n\r\n");
    DEFER(defer_free) char *first = xasprintf("%s HTTP/1.1\r\n", line);

    assert_non_null(end);
    if (!text_starts(request, first))
        fail_msg("not '%s' but:\n%s", line, request);
    if (type == NULL) {
        assert_null(strstr(request, "Content-Type"));
        return;
    }
    DEFER(defer_free) char *header = xasprintf("Content-Type: %s\r\n", type);
    DEFER(defer_json) cJSON *got = parsed(end + 4);
    DEFER(defer_json) cJSON *want = parsed(body);
    assert_non_null(strstr(request, header));
    if (!json_equal(got, want))
        assert_string_equal(end + 4, body);
}

#define OBJECT "{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"7\"}}"
#define PATH   "/apis/bulkhead.dev/v1alpha1/tenants"

static const FakeReply yes = {.body = "{\"metadata\":{\"resourceVersion\":\"8\"}}"};

TEST(an_object_is_read_by_its_path)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&yes, 1);
    DEFER(defer_kube_client) KubeClient *client = connect_to(server);
    DEFER(defer_json) cJSON *object = NULL;
    Error error = {0};

    assert_int_equal(kube_get(client, &acme, &object, &error), 0);
    assert_string_equal(json_text(object, "metadata.resourceVersion", ""), "8");
    expect_request(server, "GET " PATH "/acme", NULL, NULL);
}

TEST(what_a_new_object_lacks_is_filled_in)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&yes, 1);
    DEFER(defer_kube_client) KubeClient *client = connect_to(server);
    DEFER(defer_json) cJSON *body = parsed("{\"spec\":{\"a\":1}}");
    Error error = {0};

    assert_int_equal(kube_create(client, &acme, body, NULL, &error), 0);
    expect_request(server, "POST " PATH "?fieldManager=me", "application/json",
                   "{\"apiVersion\":\"bulkhead.dev/v1alpha1\",\"kind\":\"Tenant\",\"metadata\":{"
                   "\"name\":\"acme\"},\"spec\":{\"a\":1}}");
}

TEST(a_replacement_goes_to_the_object)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&yes, 1);
    DEFER(defer_kube_client) KubeClient *client = connect_to(server);
    DEFER(defer_json) cJSON *body = parsed(OBJECT);
    Error error = {0};

    assert_int_equal(kube_replace(client, &acme, body, NULL, &error), 0);
    expect_request(server, "PUT " PATH "/acme?fieldManager=me", "application/json",
                   "{\"apiVersion\":\"bulkhead.dev/v1alpha1\",\"kind\":\"Tenant\",\"metadata\":{"
                   "\"name\":\"acme\",\"uid\":\"u\",\"resourceVersion\":\"7\"}}");
}

TEST(an_apply_owns_what_it_says)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&yes, 1);
    DEFER(defer_kube_client) KubeClient *client = connect_to(server);
    DEFER(defer_json) cJSON *body = parsed("{\"spec\":{}}");
    Error error = {0};

    assert_int_equal(kube_apply(client, &acme, body, NULL, &error), 0);
    expect_request(server, "PATCH " PATH "/acme?fieldManager=me&force=true",
                   "application/apply-patch+yaml",
                   "{\"apiVersion\":\"bulkhead.dev/v1alpha1\",\"kind\":\"Tenant\",\"metadata\":{"
                   "\"name\":\"acme\"},\"spec\":{}}");
}

/* The API server ignores a uid here; the version alone keeps the status from a namesake. */
TEST(a_status_carries_the_version_that_was_judged)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&yes, 1);
    DEFER(defer_kube_client) KubeClient *client = connect_to(server);
    DEFER(defer_json) cJSON *status = parsed("{\"lag\":3}");
    const KubeStatusWrite write = {.version = "7", .status = status};
    Error error = {0};

    assert_int_equal(kube_apply_status(client, &acme, &write, NULL, &error), 0);
    expect_request(server, "PATCH " PATH "/acme/status?fieldManager=me&force=true",
                   "application/apply-patch+yaml",
                   "{\"apiVersion\":\"bulkhead.dev/v1alpha1\",\"kind\":\"Tenant\",\"metadata\":{"
                   "\"name\":\"acme\",\"resourceVersion\":\"7\"},\"status\":{\"lag\":3}}");
}

TEST(a_merge_is_sent_as_it_is)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&yes, 1);
    DEFER(defer_kube_client) KubeClient *client = connect_to(server);
    DEFER(defer_json) cJSON *changes = parsed("{\"metadata\":{\"labels\":{\"a\":null}}}");
    Error error = {0};

    assert_int_equal(kube_merge(client, &acme, changes, NULL, &error), 0);
    expect_request(server, "PATCH " PATH "/acme?fieldManager=me", "application/merge-patch+json",
                   "{\"metadata\":{\"labels\":{\"a\":null}}}");
}

TEST(a_deletion_names_this_very_object)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&yes, 1);
    DEFER(defer_kube_client) KubeClient *client = connect_to(server);
    DEFER(defer_json) cJSON *object = parsed(OBJECT);
    Error error = {0};

    assert_int_equal(kube_delete(client, &acme, object, &error), 0);
    expect_request(server, "DELETE " PATH "/acme", "application/json",
                   "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":{"
                   "\"uid\":\"u\",\"resourceVersion\":\"7\"}}");
}

#define TEST_UID        "{\"op\":\"test\",\"path\":\"/metadata/uid\",\"value\":\"u\"}"
#define TEST_LIST(list) "{\"op\":\"test\",\"path\":\"/metadata/finalizers\",\"value\":" list "}"
#define REPLACE(list)   "{\"op\":\"replace\",\"path\":\"/metadata/finalizers\",\"value\":" list "}"

TEST(a_finalizer_is_patched_under_the_uid_and_the_list_that_were_seen)
{
    static const struct {
        const char *list; /* NULL: none */
        bool present;
        const char *want;
    } cases[] = {
        {NULL, true,
         "[" TEST_UID ",{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":\"7\"},"
         "{\"op\":\"add\",\"path\":\"/metadata/finalizers\",\"value\":[\"b/c\"]}]"},
        {"[\"x/y\"]", true,
         "[" TEST_UID "," TEST_LIST("[\"x/y\"]") "," REPLACE("[\"x/y\",\"b/c\"]") "]"},
        {"[\"b/c\"]", false, "[" TEST_UID "," TEST_LIST("[\"b/c\"]") "," REPLACE("[]") "]"},
        {"[\"x/y\",\"b/c\",\"z/z\"]", false,
         "[" TEST_UID
         "," TEST_LIST("[\"x/y\",\"b/c\",\"z/z\"]") "," REPLACE("[\"x/y\",\"z/z\"]") "]"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&yes, 1);
        DEFER(defer_kube_client) KubeClient *client = connect_to(server);
        DEFER(defer_json) cJSON *object = parsed(OBJECT);
        const KubeFinalizer finalizer = {object, "b/c", cases[i].present};
        Error error = {0};

        if (cases[i].list != NULL)
            json_set(cJSON_GetObjectItem(object, "metadata"), "finalizers", parsed(cases[i].list));
        assert_int_equal(kube_set_finalizer(client, &acme, &finalizer, NULL, &error), 0);
        expect_request(server, "PATCH " PATH "/acme?fieldManager=me", "application/json-patch+json",
                       cases[i].want);
    }
}

TEST(a_finalizer_that_is_right_costs_no_request)
{
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(NULL, 0);
    DEFER(defer_kube_client) KubeClient *client = connect_to(server);
    DEFER(defer_json)
    cJSON *object = parsed("{\"metadata\":{\"uid\":\"u\",\"finalizers\":[\"b/c\"]}}");
    const KubeFinalizer on = {object, "b/c", true};
    const KubeFinalizer off = {object, "x/y", false};
    DEFER(defer_json) cJSON *same = NULL;
    Error error = {0};

    assert_int_equal(kube_set_finalizer(client, &acme, &on, &same, &error), 0);
    assert_true(json_equal(same, object));
    assert_int_equal(kube_set_finalizer(client, &acme, &off, NULL, &error), 0);
    assert_int_equal(fake_http_requests(server), 0);
}

TEST(a_failed_test_is_a_conflict_and_a_bad_patch_is_not)
{
    static const struct {
        FakeReply reply;
        ErrorKind kind;
        const char *want;
    } cases[] = {
        {{.status = "422 Unprocessable Entity",
          .body = "{\"message\":\"the server rejected our request\",\"reason\":\"Invalid\"}"},
         ERROR_CONFLICT,
         "tenants acme: the object changed, or was made anew, since it was read"},
        {{.status = "422 Unprocessable Entity",
          .body = "{\"message\":\"no new finalizers\",\"reason\":\"Invalid\",\"details\":{"
                  "\"causes\":[{\"field\":\"metadata.finalizers\"}]}}"},
         ERROR_INVALID,
         "tenants acme: no new finalizers (HTTP 422 Invalid)"},
        {{.status = "404 Not Found",
          .body = "{\"message\":\"gone\",\"reason\":\"NotFound\",\"details\":{\"name\":\"acme\"}}"},
         ERROR_NOT_FOUND,
         "tenants acme: gone (HTTP 404 NotFound)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&cases[i].reply, 1);
        DEFER(defer_kube_client) KubeClient *client = connect_to(server);
        DEFER(defer_json) cJSON *object = parsed(OBJECT);
        const KubeFinalizer finalizer = {object, "b/c", true};
        Error error = {0};

        assert_int_equal(kube_set_finalizer(client, &acme, &finalizer, NULL, &error), -1);
        assert_int_equal(error.kind, cases[i].kind);
        assert_string_equal(error.text, cases[i].want);
    }
}

TEST(an_error_names_the_object)
{
    static const FakeReply no = {.status = "403 Forbidden", .body = "{\"message\":\"no\"}"};
    static const KubeResource secrets = {"", "v1", "secrets", "Secret"};
    static const struct {
        KubeRef ref;
        const char *want;
    } cases[] = {
        {{&tenants, NULL, "acme"}, "tenants acme: no (HTTP 403)"},
        {{&secrets, "prod", "creds"}, "secrets prod/creds: no (HTTP 403)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&no, 1);
        DEFER(defer_kube_client) KubeClient *client = connect_to(server);
        cJSON *object = NULL;
        Error error = {0};

        assert_int_equal(kube_get(client, &cases[i].ref, &object, &error), -1);
        assert_int_equal(error.kind, ERROR_DENIED);
        assert_string_equal(error.text, cases[i].want);
        assert_null(object);
    }
}

TEST(a_success_without_an_object_is_none)
{
    static const FakeReply odd = {.body = "ok"};
    DEFER(defer_fake_http) FakeHttp *server = fake_http_start(&odd, 1);
    DEFER(defer_kube_client) KubeClient *client = connect_to(server);
    cJSON *object = NULL;
    Error error = {0};

    assert_int_equal(kube_get(client, &acme, &object, &error), -1);
    assert_int_equal(error.kind, ERROR_BUSY);
    assert_string_equal(error.text, "tenants acme: the API server's answer is not JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_read_by_its_path),
        cmocka_unit_test(what_a_new_object_lacks_is_filled_in),
        cmocka_unit_test(a_replacement_goes_to_the_object),
        cmocka_unit_test(an_apply_owns_what_it_says),
        cmocka_unit_test(a_status_carries_the_version_that_was_judged),
        cmocka_unit_test(a_merge_is_sent_as_it_is),
        cmocka_unit_test(a_deletion_names_this_very_object),
        cmocka_unit_test(a_finalizer_is_patched_under_the_uid_and_the_list_that_were_seen),
        cmocka_unit_test(a_finalizer_that_is_right_costs_no_request),
        cmocka_unit_test(a_failed_test_is_a_conflict_and_a_bad_patch_is_not),
        cmocka_unit_test(an_error_names_the_object),
        cmocka_unit_test(a_success_without_an_object_is_none),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

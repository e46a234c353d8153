#include "advisory.h"
#include "alloc.h"
#include "json.h"
#include "unit.h"

#define AUDIT "$JS.EVENT.ADVISORY.API"
#define SELF  "bulkhead-controller pod-1 0badcafe"

/* The audit of one request, as the server sends it; the caller frees it. */
static char *audit(const char *subject, const char *client, const char *response)
{
    DEFER(defer_json) cJSON *json = cJSON_CreateObject();
    cJSON *who = cJSON_CreateObject();

    json_set_text(json, "type", "io.nats.jetstream.advisory.v1.api_audit");
    json_set_text(who, "name", client);
    json_set_text(who, "acc", "TENANTS");
    json_set(json, "client", who);
    json_set_text(json, "subject", subject);
    json_set_text(json, "response", response);
    return json_print(json);
}

/* The tenant that the request concerns; "" if none. */
static const char *concerned(const char *subject, const char *client, const char *response)
{
    static char id[TENANT_ID_MAX + 1];
    DEFER(defer_free) char *payload = audit(subject, client, response);
    const Advisory advisory = {.subject = AUDIT, .payload = payload, .length = strlen(payload)};

    return advisory_concerns(&advisory, SELF, id) ? id : "";
}

TEST(requests_that_change_a_tenants_stream_concern_it)
{
    static const char *const subjects[] = {
        "$JS.API.STREAM.CREATE.TENANT_ACME-1",
        "$JS.API.STREAM.UPDATE.TENANT_ACME-1",
        "$JS.API.STREAM.DELETE.TENANT_ACME-1",
        "$JS.API.STREAM.PURGE.TENANT_ACME-1",
        "$JS.API.CONSUMER.CREATE.TENANT_ACME-1",
        "$JS.API.CONSUMER.CREATE.TENANT_ACME-1.billing",
        "$JS.API.CONSUMER.CREATE.TENANT_ACME-1.billing.tenant.acme-1.events.*",
        "$JS.API.CONSUMER.DURABLE.CREATE.TENANT_ACME-1.billing",
        "$JS.API.CONSUMER.DELETE.TENANT_ACME-1.billing",
        "$JS.API.CONSUMER.PAUSE.TENANT_ACME-1.billing",
    };

    for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
        assert_string_equal(concerned(subjects[i], "nats", "{}"), "acme-1");
}

TEST(requests_that_only_read_concern_nobody)
{
    static const char *const subjects[] = {
        "$JS.API.INFO",
        "$JS.API.STREAM.INFO.TENANT_ACME",
        "$JS.API.STREAM.LIST",
        "$JS.API.STREAM.MSG.GET.TENANT_ACME",
        "$JS.API.CONSUMER.INFO.TENANT_ACME.billing",
        "$JS.API.CONSUMER.LIST.TENANT_ACME",
        "$JS.API.CONSUMER.MSG.NEXT.TENANT_ACME.billing",
        "",
    };

    for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
        assert_string_equal(concerned(subjects[i], "nats", "{}"), "");
}

TEST(streams_that_are_no_tenants_concern_nobody)
{
    static const char *const subjects[] = {
        "$JS.API.STREAM.UPDATE.ORDERS",
        "$JS.API.STREAM.UPDATE.TENANT_",
        "$JS.API.STREAM.UPDATE.",
        "$JS.API.STREAM.UPDATE.tenant_acme",
        "$JS.API.STREAM.UPDATE.TENANT_AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDE",
        "$JS.API.STREAM.UPDATE.TENANT_AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDEFGHIJKLMNOPQRST",
        "$JS.API.STREAM.UPDATE.KV_TENANT_ACME",
        "prefix.$JS.API.STREAM.UPDATE.TENANT_ACME",
    };

    for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
        assert_string_equal(concerned(subjects[i], "nats", "{}"), "");
}

TEST(our_own_requests_concern_nobody)
{
    assert_string_equal(concerned("$JS.API.STREAM.UPDATE.TENANT_A", SELF, "{}"), "");
    assert_string_equal(concerned("$JS.API.STREAM.UPDATE.TENANT_A", SELF "x", "{}"), "a");
    assert_string_equal(concerned("$JS.API.STREAM.UPDATE.TENANT_A", "", "{}"), "a");
}

TEST(a_refused_request_concerns_nobody)
{
    assert_string_equal(concerned("$JS.API.STREAM.UPDATE.TENANT_A", "nats",
                                  "{\"error\":{\"code\":400,\"err_code\":10052}}"),
                        "");
}

TEST(a_response_that_cannot_be_read_counts_as_done)
{
    static const char *const responses[] = {"", "{\"config\":{", "not json", "null"};

    for (size_t i = 0; i < ARRAY_SIZE(responses); i++)
        assert_string_equal(concerned("$JS.API.STREAM.UPDATE.TENANT_A", "nats", responses[i]), "a");
}

TEST(what_vanishes_without_a_request_concerns_its_tenant)
{
    static const struct {
        const char *subject;
        const char *want;
    } cases[] = {
        {"$JS.EVENT.ADVISORY.STREAM.DELETED.TENANT_ACME", "acme"},
        {"$JS.EVENT.ADVISORY.CONSUMER.DELETED.TENANT_ACME.billing", "acme"},
        {"$JS.EVENT.ADVISORY.CONSUMER.DELETED.ORDERS.billing", ""},
        {"$JS.EVENT.ADVISORY.STREAM.CREATED.TENANT_ACME", ""},
        {"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.TENANT_ACME.billing", ""},
        {"$JS.EVENT.ADVISORY.API.MORE", ""},
        {"", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const Advisory advisory = {.subject = cases[i].subject, .payload = "{", .length = 1};
        char id[TENANT_ID_MAX + 1] = "";

        assert_int_equal(advisory_concerns(&advisory, SELF, id), *cases[i].want != '\0');
        assert_string_equal(id, cases[i].want);
    }
}

TEST(an_audit_that_is_none_concerns_nobody)
{
    static const char *const payloads[] = {"", "{", "[]", "null", "7", "{\"subject\":7}"};
    char id[TENANT_ID_MAX + 1];

    for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
        const Advisory advisory = {
            .subject = AUDIT, .payload = payloads[i], .length = strlen(payloads[i])};

        assert_false(advisory_concerns(&advisory, SELF, id));
    }
}

TEST(an_audit_of_more_than_a_megabyte_is_not_read)
{
    size_t padding = (size_t)1024 * 1024;
    DEFER(defer_free) char *spaces = xmalloc(padding + 1);
    DEFER(defer_free) char *small = audit("$JS.API.STREAM.UPDATE.TENANT_A", "nats", "{}");
    char id[TENANT_ID_MAX + 1];

    memset(spaces, ' ', padding);
    spaces[padding] = '\0';
    DEFER(defer_free) char *large = xasprintf("%s%s", small, spaces);
    Advisory advisory = {.subject = AUDIT, .payload = large, .length = padding};
    assert_true(advisory_concerns(&advisory, SELF, id));
    advisory.length++;
    assert_false(advisory_concerns(&advisory, SELF, id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_that_change_a_tenants_stream_concern_it),
        cmocka_unit_test(requests_that_only_read_concern_nobody),
        cmocka_unit_test(streams_that_are_no_tenants_concern_nobody),
        cmocka_unit_test(our_own_requests_concern_nobody),
        cmocka_unit_test(a_refused_request_concerns_nobody),
        cmocka_unit_test(a_response_that_cannot_be_read_counts_as_done),
        cmocka_unit_test(what_vanishes_without_a_request_concerns_its_tenant),
        cmocka_unit_test(an_audit_that_is_none_concerns_nobody),
        cmocka_unit_test(an_audit_of_more_than_a_megabyte_is_not_read),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "relay_report.h"
#include "unit.h"

#define HEAD                                                                                       \
    "\"instance\":\"relay-1\",\"database\":\"shop\",\"at\":\"2026-01-31T12:00:00.5Z\","            \
    "\"intervalMs\":5000,"
#define ROW(id) "{\"id\":\"" id "\",\"pending\":1,\"oldestPendingSeconds\":2,\"dead\":3}"

static RelayReport report_new(void)
{
    return (RelayReport){
        .instance = "relay-1",
        .database = "shop",
        .at = "2026-01-31T12:00:00Z",
        .interval_ms = 5000,
    };
}

TEST(what_is_built_is_read_back)
{
    RelayReportTenant tenants[] = {
        {.id = "acme", .pending = 12, .oldest_seconds = 3, .dead = 1},
        {.id = "globex", .pending = INT64_C(1) << 53},
    };
    DEFER(relay_report_done) RelayReport read = {0};
    RelayReport report = report_new();
    Error error;

    assert_int_equal(relay_report_slice(&report, tenants, ARRAY_SIZE(tenants), 0), 2);
    DEFER(defer_free) char *text = relay_report_build(&report);
    assert_int_equal(relay_report_parse(text, strlen(text), &read, &error), 0);
    assert_string_equal(read.instance, "relay-1");
    assert_string_equal(read.database, "shop");
    assert_string_equal(read.at, "2026-01-31T12:00:00Z");
    assert_int_equal(read.interval_ms, 5000);
    assert_int_equal(read.count, 2);
    assert_memory_equal(read.tenants, tenants, sizeof tenants);
}

TEST(a_report_of_as_many_tenants_as_a_message_may_have_is_not_too_long)
{
    RelayReportTenant *tenants = calloc(RELAY_REPORT_TENANTS_MAX, sizeof *tenants);
    DEFER(relay_report_done) RelayReport read = {0};
    RelayReport report = report_new();
    Error error;

    assert_non_null(tenants);
    for (int i = 0; i < RELAY_REPORT_TENANTS_MAX; i++) {
        tenants[i] = (RelayReportTenant){
            .pending = INT64_C(1) << 53, .oldest_seconds = INT64_C(1) << 53, .dead = 1 << 30};
        (void)snprintf(tenants[i].id, sizeof tenants[i].id, "%040d", i);
    }
    assert_int_equal(relay_report_slice(&report, tenants, RELAY_REPORT_TENANTS_MAX, 0),
                     RELAY_REPORT_TENANTS_MAX);
    DEFER(defer_free) char *text = relay_report_build(&report);
    if (relay_report_parse(text, strlen(text), &read, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(read.count, RELAY_REPORT_TENANTS_MAX);
    free(tenants);
}

TEST(a_large_fleet_is_cut_into_ranges_without_a_gap)
{
    enum { TOTAL = 2 * RELAY_REPORT_TENANTS_MAX + 1 };
    RelayReportTenant *tenants = calloc(TOTAL, sizeof *tenants);
    RelayReport report = report_new();
    char after[TENANT_ID_MAX + 1] = "";
    size_t done = 0;

    assert_non_null(tenants);
    for (int i = 0; i < TOTAL; i++)
        (void)snprintf(tenants[i].id, sizeof tenants[i].id, "t%05d", i);
    do {
        DEFER(relay_report_done) RelayReport read = {0};
        Error error;

        done = relay_report_slice(&report, tenants, TOTAL, done);
        DEFER(defer_free) char *text = relay_report_build(&report);
        if (relay_report_parse(text, strlen(text), &read, &error) < 0)
            fail_msg("%s", error.text);
        assert_string_equal(read.after, after);
        (void)snprintf(after, sizeof after, "%s", read.through);
    } while (done < TOTAL);
    assert_string_equal(after, "");
    free(tenants);
}

TEST(no_tenants_are_a_report_too)
{
    DEFER(relay_report_done) RelayReport read = {0};
    RelayReport report = report_new();
    Error error;

    assert_int_equal(relay_report_slice(&report, NULL, 0, 0), 0);
    DEFER(defer_free) char *text = relay_report_build(&report);
    assert_int_equal(relay_report_parse(text, strlen(text), &read, &error), 0);
    assert_int_equal(read.count, 0);
}

TEST(an_instance_becomes_one_token)
{
    static const struct {
        const char *instance;
        const char *want;
    } cases[] = {
        {"relay-7d9f-x2x4q", "bulkhead.relay.report.relay-7d9f-x2x4q"},
        {"host.example.org", "bulkhead.relay.report.host_example_org"},
        {"a b*>", "bulkhead.relay.report.a_b__"},
        {"", "bulkhead.relay.report._"},
    };
    char subject[RELAY_REPORT_SUBJECT_SIZE];
    char longer[2 * RELAY_INSTANCE_MAX];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        relay_report_subject(cases[i].instance, subject);
        assert_string_equal(subject, cases[i].want);
    }
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    relay_report_subject(longer, subject);
    assert_int_equal(strlen(subject), strlen(RELAY_REPORT_SUBJECT) + RELAY_INSTANCE_MAX);
}

TEST(what_no_relay_sends_is_refused_by_name)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"[]", "instance: must be a text of 1 to 63 characters"},
        {"{\"instance\":\"a\\u0007\"}", "instance: must be printable ASCII"},
        {"{\"instance\":\"a\",\"database\":7}", "database: must be a text of 1 to 128 characters"},
        {"{\"instance\":\"a\",\"database\":\"b\",\"at\":\"yesterday\"}",
         "at: must be a time in UTC as of RFC 3339"},
        {"{\"instance\":\"a\",\"database\":\"b\",\"at\":\"2026-01-31T12:00:00+01:00\"}",
         "at: must be a time in UTC as of RFC 3339"},
        {"{\"instance\":\"a\",\"database\":\"b\",\"at\":\"2026-01-31T12:00:00Z\","
         "\"intervalMs\":0,\"after\":\"\",\"through\":\"\"}",
         "intervalMs: must be from 1 to 86400000"},
        {"{" HEAD "\"after\":\"A\",\"through\":\"\"}", "after: must be a tenant's id or empty"},
        {"{" HEAD "\"after\":\"\"}", "through: must be a tenant's id or empty"},
        {"{" HEAD "\"after\":\"\",\"through\":\"\"}", "tenants: must be an array of at most 500"},
        {"{" HEAD "\"after\":\"\",\"through\":\"\",\"tenants\":[{\"id\":\"a.b\"}]}",
         "tenants[0]: id: 'a.b' is no tenant's id"},
        {"{" HEAD "\"after\":\"\",\"through\":\"\",\"tenants\":[{\"id\":\"a\",\"pending\":-1}]}",
         "tenants[0]: pending: must be a whole number from 0 to 9007199254740992"},
        {"{" HEAD "\"after\":\"\",\"through\":\"\",\"tenants\":[{\"id\":\"a\",\"pending\":1.5}]}",
         "tenants[0]: pending: must be a whole number from 0 to 9007199254740992"},
        {"{" HEAD "\"after\":\"\",\"through\":\"\",\"tenants\":[" ROW("b") "," ROW("a") "]}",
         "tenants[1]: 'a' is out of order or out of the range"},
        {"{" HEAD "\"after\":\"\",\"through\":\"\",\"tenants\":[" ROW("a") "," ROW("a") "]}",
         "tenants[1]: 'a' is out of order or out of the range"},
        {"{" HEAD "\"after\":\"b\",\"through\":\"\",\"tenants\":[" ROW("b") "]}",
         "tenants[0]: 'b' is out of order or out of the range"},
        {"{" HEAD "\"after\":\"\",\"through\":\"b\",\"tenants\":[" ROW("c") "]}",
         "tenants[0]: 'c' is out of order or out of the range"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        RelayReport report;
        Error error;

        assert_int_equal(relay_report_parse(cases[i].text, strlen(cases[i].text), &report, &error),
                         -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].error);
    }
}

TEST(a_message_that_is_too_long_is_not_read)
{
    char *text = calloc(1, RELAY_REPORT_BYTES_MAX + 1);
    RelayReport report;
    Error error;

    assert_non_null(text);
    memset(text, ' ', RELAY_REPORT_BYTES_MAX + 1);
    assert_int_equal(relay_report_parse(text, RELAY_REPORT_BYTES_MAX + 1, &report, &error), -1);
    assert_string_equal(error.text, "131073 bytes are more than the 131072 of a report");
    free(text);
}

TEST(members_of_a_later_version_are_left_aside)
{
    static const char text[] =
        "{" HEAD "\"after\":\"\",\"through\":\"\",\"later\":true,\"tenants\":"
        "[" ROW("a") "]}";
    DEFER(relay_report_done) RelayReport report = {0};
    Error error;

    assert_int_equal(relay_report_parse(text, strlen(text), &report, &error), 0);
    assert_int_equal(report.tenants[0].dead, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_built_is_read_back),
        cmocka_unit_test(a_report_of_as_many_tenants_as_a_message_may_have_is_not_too_long),
        cmocka_unit_test(a_large_fleet_is_cut_into_ranges_without_a_gap),
        cmocka_unit_test(no_tenants_are_a_report_too),
        cmocka_unit_test(an_instance_becomes_one_token),
        cmocka_unit_test(what_no_relay_sends_is_refused_by_name),
        cmocka_unit_test(a_message_that_is_too_long_is_not_read),
        cmocka_unit_test(members_of_a_later_version_are_left_aside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "span.h"
#include "unit.h"

static Span example(void)
{
    return (Span){
        .context = {.trace = "0af7651916cd43dd8448eb211c80319c", .span = "b7ad6b7169203331"},
        .name = "POST /v1/tenants",
        .kind = SPAN_SERVER,
        .start_us = INT64_C(1795795200123456),
        .end_us = INT64_C(1795795200125000),
    };
}

TEST(a_span_is_written_as_otlp_has_it)
{
    Span span = example();

    (void)snprintf(span.parent, sizeof span.parent, "%s", "00f067aa0ba902b7");
    span_add_text(&span, "http.route", "/v1/tenants");
    span_add_int(&span, "http.response.status_code", 202);
    DEFER(defer_free) char *json = span_json(&span);
    assert_string_equal(json, "{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\","
                              "\"spanId\":\"b7ad6b7169203331\","
                              "\"parentSpanId\":\"00f067aa0ba902b7\","
                              "\"name\":\"POST /v1/tenants\",\"kind\":2,"
                              "\"startTimeUnixNano\":\"1795795200123456000\","
                              "\"endTimeUnixNano\":\"1795795200125000000\","
                              "\"attributes\":[{\"key\":\"http.route\","
                              "\"value\":{\"stringValue\":\"/v1/tenants\"}},"
                              "{\"key\":\"http.response.status_code\","
                              "\"value\":{\"intValue\":\"202\"}}]}");
}

TEST(a_first_span_has_no_parent_and_a_failed_one_says_why)
{
    Span span = example();

    span.failure = "unavailable";
    DEFER(defer_free) char *json = span_json(&span);
    assert_null(strstr(json, "parentSpanId"));
    assert_non_null(strstr(json, "\"status\":{\"code\":2,\"message\":\"unavailable\"}"));
}

TEST(an_empty_text_is_no_attribute)
{
    Span span = example();

    span_add_text(&span, "bulkhead.tenant", "");
    assert_int_equal(span.attribute_count, 0);
}

TEST(a_batch_says_who_made_it)
{
    const SpanSource source = {.service = "bulkhead-x", .version = "1.2", .instance = "pod-1"};
    char one[] = "{\"a\":1}";
    char two[] = "{\"b\":2}";
    char *const spans[] = {one, two};
    DEFER(defer_free) char *json = span_batch_json(&source, spans, ARRAY_SIZE(spans));

    assert_string_equal(json,
                        "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
                        "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"bulkhead-x\"}},"
                        "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"1.2\"}},"
                        "{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"pod-1\"}}]},"
                        "\"scopeSpans\":[{\"scope\":{\"name\":\"bulkhead-x\"},\"spans\":[{\"a\":1},"
                        "{\"b\":2}]}]}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_is_written_as_otlp_has_it),
        cmocka_unit_test(a_first_span_has_no_parent_and_a_failed_one_says_why),
        cmocka_unit_test(an_empty_text_is_no_attribute),
        cmocka_unit_test(a_batch_says_who_made_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

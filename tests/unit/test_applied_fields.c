#include "applied_fields.h"
#include "unit.h"

static cJSON *object_of(const char *text)
{
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &json, &error), 0);
    return json;
}

static char *applied(const char *metadata, const char *fields, const char *spec)
{
    char text[2048];

    (void)snprintf(
        text, sizeof text,
        "{\"metadata\":{%s\"managedFields\":["
        "{\"manager\":\"us\",\"operation\":\"Update\",\"fieldsV1\":{\"f:spec\":{\"f:no\":{}}}},"
        "{\"manager\":\"them\",\"operation\":\"Apply\",\"fieldsV1\":{\"f:spec\":{\"f:no\":{}}}},"
        "{\"manager\":\"us\",\"operation\":\"Apply\",\"subresource\":\"status\","
        "\"fieldsV1\":{\"f:spec\":{\"f:no\":{}}}},"
        "{\"manager\":\"us\",\"operation\":\"Apply\",\"fieldsV1\":%s}]},\"spec\":%s}",
        metadata, fields, spec);
    DEFER(defer_json) cJSON *object = object_of(text);
    DEFER(defer_json) cJSON *made = applied_fields(object, "us");
    return json_print(made);
}

TEST(only_what_we_applied_comes_back_with_its_present_values)
{
    static const struct {
        const char *metadata;
        const char *fields;
        const char *spec;
        const char *want;
    } cases[] = {
        {"", "{\"f:spec\":{\"f:a\":{}}}", "{\"a\":1,\"no\":2}",
         "{\"metadata\":{},\"spec\":{\"a\":1}}"},
        {"", "{\"f:spec\":{\"f:a\":{\"f:b\":{}}}}", "{\"a\":{\"b\":\"x\",\"c\":1}}",
         "{\"metadata\":{},\"spec\":{\"a\":{\"b\":\"x\"}}}"},
        {"", "{\"f:spec\":{\"f:gone\":{}}}", "{\"a\":1}", "{\"metadata\":{},\"spec\":{}}"},
        {"\"labels\":{\"x/y\":\"1\",\"z\":\"2\"},",
         "{\"f:metadata\":{\"f:labels\":{\"f:x/y\":{}}},\"f:spec\":{}}", "{\"a\":1}",
         "{\"metadata\":{\"labels\":{\"x/y\":\"1\"}},\"spec\":{\"a\":1}}"},
        {"",
         "{\"f:spec\":{\"f:consumers\":{\"k:{\\\"name\\\":\\\"b\\\"}\":{\".\":{},\"f:name\":{}}}}}",
         "{\"consumers\":[{\"name\":\"a\"},{\"name\":\"b\",\"ackWait\":\"1s\"}]}",
         "{\"metadata\":{},\"spec\":{\"consumers\":[{\"name\":\"b\"}]}}"},
        {"", "{\"f:spec\":{\"f:types\":{\"v:\\\"x\\\"\":{}}}}", "{\"types\":[\"w\",\"x\"]}",
         "{\"metadata\":{},\"spec\":{\"types\":[\"x\"]}}"},
        {"", "{\"f:spec\":{\"f:types\":{}}}", "{\"types\":[\"w\",\"x\"]}",
         "{\"metadata\":{},\"spec\":{\"types\":[\"w\",\"x\"]}}"},
        {"", "{\"f:spec\":{\"f:consumers\":{\"k:{broken\":{},\"k:1\":{},\"i:0\":{}}}}",
         "{\"consumers\":[{\"name\":\"a\"}]}", "{\"metadata\":{},\"spec\":{\"consumers\":[]}}"},
        {"", "{}", "{\"a\":1}", "{\"metadata\":{},\"spec\":{}}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_free) char *got = applied(cases[i].metadata, cases[i].fields, cases[i].spec);

        assert_string_equal(got, cases[i].want);
    }
}

TEST(an_object_that_is_not_ours_gives_nothing)
{
    DEFER(defer_json)
    cJSON *object = object_of("{\"metadata\":{\"name\":\"x\"},\"spec\":{\"a\":1}}");
    DEFER(defer_json) cJSON *made = applied_fields(object, "us");
    DEFER(defer_free) char *text = json_print(made);

    assert_string_equal(text, "{\"metadata\":{},\"spec\":{}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_we_applied_comes_back_with_its_present_values),
        cmocka_unit_test(an_object_that_is_not_ours_gives_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

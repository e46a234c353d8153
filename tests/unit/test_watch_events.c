#include "unit.h"
#include "watch_events.h"

TEST(an_event_has_its_object_and_version)
{
    static const struct {
        const char *type;
        WatchEventType want;
    } cases[] = {
        {"ADDED", WATCH_EVENT_ADDED},
        {"MODIFIED", WATCH_EVENT_MODIFIED},
        {"DELETED", WATCH_EVENT_DELETED},
        {"BOOKMARK", WATCH_EVENT_BOOKMARK},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(watch_event_done) WatchEvent event = {0};
        char line[256];
        Error error = {0};

        (void)snprintf(line, sizeof line,
                       "{\"type\":\"%s\",\"object\":{\"kind\":\"Tenant\",\"metadata\":{\"name\":"
                       "\"acme\",\"resourceVersion\":\"42\",\"managedFields\":[{}]}}}",
                       cases[i].type);
        assert_int_equal(watch_event_parse(line, strlen(line), &event, &error), 0);
        assert_int_equal(event.type, cases[i].want);
        assert_string_equal(event.version, "42");
        assert_string_equal(json_text(event.object, "metadata.name", ""), "acme");
        assert_null(json_at(event.object, "metadata.managedFields"));
        assert_false(event.initial_end);
    }
}

TEST(one_bookmark_ends_the_initial_events)
{
    static const struct {
        const char *line;
        bool want;
    } cases[] = {
        {"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\","
         "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}",
         true},
        {"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\","
         "\"annotations\":{\"k8s.io/initial-events-end\":\"false\"}}}}",
         false},
        {"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}", false},
        {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\","
         "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}",
         false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(watch_event_done) WatchEvent event = {0};
        Error error = {0};

        assert_int_equal(watch_event_parse(cases[i].line, strlen(cases[i].line), &event, &error),
                         0);
        assert_int_equal(event.initial_end, cases[i].want);
    }
}

TEST(an_error_event_carries_a_status)
{
    static const char line[] = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}";
    DEFER(watch_event_done) WatchEvent event = {0};
    Error error = {0};

    assert_int_equal(watch_event_parse(line, strlen(line), &event, &error), 0);
    assert_int_equal(event.type, WATCH_EVENT_ERROR);
    assert_string_equal(event.version, "");
    assert_int_equal(json_int(event.object, "code", 0), 410);
}

TEST(what_is_no_event_is_refused)
{
    static const char *const cases[][2] = {
        {"", "a watch event: not JSON"},
        {"{\"type\":\"ADDED\",\"obj", "a watch event: not JSON"},
        {"{} {}", "a watch event: text after the JSON value"},
        {"{}", "a watch event of type ''"},
        {"[]", "a watch event of type ''"},
        {"{\"type\":\"added\"}", "a watch event of type 'added'"},
        {"{\"type\":\"ADDED\"}", "a watch event without an object"},
        {"{\"type\":\"ERROR\",\"object\":\"x\"}", "a watch event without an object"},
        {"{\"type\":\"ADDED\",\"object\":{}}", "a watch event without a resourceVersion"},
        {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":1}}}",
         "a watch event without a resourceVersion"},
        {"{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}",
         "a watch event without a name"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        WatchEvent event = {0};
        Error error = {0};

        assert_int_equal(watch_event_parse(cases[i][0], strlen(cases[i][0]), &event, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i][1]);
        assert_null(event.object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_its_object_and_version),
        cmocka_unit_test(one_bookmark_ends_the_initial_events),
        cmocka_unit_test(an_error_event_carries_a_status),
        cmocka_unit_test(what_is_no_event_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

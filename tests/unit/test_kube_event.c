#include "kube_event.h"
#include "unit.h"

static cJSON *parsed(const char *text)
{
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &json, &error), 0);
    return json;
}

static cJSON *event_about(const char *object, const char *note)
{
    DEFER(defer_json) cJSON *regarding = parsed(object);
    const KubeEvent event = {.regarding = regarding,
                             .controller = "bulkhead.dev/controller",
                             .instance = "pod-1",
                             .warning = true,
                             .reason = "StreamRefused",
                             .action = "Reconcile",
                             .note = note};

    return kube_event_object(&event, "2026-11-23T12:00:00.000000Z", 0xabc);
}

TEST(an_event_has_what_the_api_server_asks_for)
{
    DEFER(defer_json)
    cJSON *event = event_about("{\"apiVersion\":\"bulkhead.dev/v1alpha1\",\"kind\":\"Tenant\","
                               "\"metadata\":{\"name\":\"acme\",\"uid\":\"u-1\","
                               "\"resourceVersion\":\"7\"},\"spec\":{}}",
                               "storage cannot change");
    DEFER(defer_json)
    cJSON *want = parsed(
        "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{"
        "\"name\":\"acme.0000000000000abc\",\"namespace\":\"default\"},"
        "\"eventTime\":\"2026-11-23T12:00:00.000000Z\",\"type\":\"Warning\","
        "\"reportingController\":\"bulkhead.dev/controller\",\"reportingInstance\":\"pod-1\","
        "\"reason\":\"StreamRefused\",\"action\":\"Reconcile\",\"note\":\"storage cannot change\","
        "\"regarding\":{\"apiVersion\":\"bulkhead.dev/v1alpha1\",\"kind\":\"Tenant\","
        "\"name\":\"acme\",\"uid\":\"u-1\",\"resourceVersion\":\"7\"}}");

    assert_true(json_equal(event, want));
}

TEST(an_event_lies_beside_its_object)
{
    DEFER(defer_json)
    cJSON *event = event_about("{\"metadata\":{\"name\":\"a\",\"namespace\":\"prod\"}}", "");

    assert_string_equal(json_text(event, "metadata.namespace", ""), "prod");
    assert_string_equal(json_text(event, "regarding.namespace", ""), "prod");
}

TEST(a_long_note_is_cut_between_characters)
{
    char note[KUBE_EVENT_NOTE_MAX + 10];

    for (size_t at = KUBE_EVENT_NOTE_MAX - 4; at <= KUBE_EVENT_NOTE_MAX; at++) {
        memset(note, 'x', sizeof note - 1);
        note[sizeof note - 1] = '\0';
        memcpy(note + at, "\xf0\x9f\x9a\xa2", 4); /* one character of four bytes */
        DEFER(defer_json) cJSON *event = event_about("{\"metadata\":{\"name\":\"a\"}}", note);
        size_t length = strlen(json_text(event, "note", ""));

        assert_int_equal(length, at == KUBE_EVENT_NOTE_MAX - 4 || at == KUBE_EVENT_NOTE_MAX
                                     ? KUBE_EVENT_NOTE_MAX
                                     : at);
    }
}

TEST(a_long_name_leaves_room_for_the_unique_end)
{
    char object[400];
    char name[254];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    (void)snprintf(object, sizeof object, "{\"metadata\":{\"name\":\"%s\"}}", name);
    DEFER(defer_json) cJSON *event = event_about(object, "");
    const char *got = json_text(event, "metadata.name", "");
    assert_true(strlen(got) <= 253);
    assert_string_equal(got + strlen(got) - 17, ".0000000000000abc");
    assert_string_equal(json_text(event, "regarding.name", ""), name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_what_the_api_server_asks_for),
        cmocka_unit_test(an_event_lies_beside_its_object),
        cmocka_unit_test(a_long_note_is_cut_between_characters),
        cmocka_unit_test(a_long_name_leaves_room_for_the_unique_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

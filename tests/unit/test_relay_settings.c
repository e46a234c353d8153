#include "relay_settings.h"
#include "tenant_fields.h"
#include "unit.h"
#include "yaml_value.h"

static RelaySettings settings_of(const char *spec)
{
    DEFER(defer_json) cJSON *value = yaml_value(spec);
    DEFER(defer_json) cJSON *settings = NULL;
    Error error;

    if (fields_build(&tenant_fields, &(FieldInput){"spec", value, 0}, &settings, &error) < 0)
        fail_msg("%s: %s", spec, error.text);
    return relay_settings_of(settings);
}

static void assert_same(const RelaySettings *got, const RelaySettings *want)
{
    assert_int_equal(got->weight, want->weight);
    assert_int_equal(got->ordering, want->ordering);
    assert_int_equal(got->on_dead, want->on_dead);
    assert_int_equal(got->events_per_second, want->events_per_second);
    assert_int_equal(got->burst, want->burst);
    assert_int_equal(got->hold, want->hold);
}

static const struct {
    const char *spec;
    const char *metadata;
} pairs[] = {
    {"{}", "{}"},
    {"{relay: {weight: 1, ordering: None, onDead: Continue}, mode: Enforce}", "{}"},
    {"{mode: Observe}", "{}"},
    {"{mode: Suspend}", "{bulkhead.dev/relay.hold: 'true'}"},
    {"{relay: {weight: 7}}", "{bulkhead.dev/relay.weight: '7'}"},
    {"{relay: {ordering: Key, onDead: Block}}",
     "{bulkhead.dev/relay.ordering: Key, bulkhead.dev/relay.on-dead: Block}"},
    {"{limits: {eventsPerSecond: 500, burst: 1000}}",
     "{bulkhead.dev/relay.events-per-second: '500', bulkhead.dev/relay.burst: '1000'}"},
};

TEST(only_what_is_not_the_default_is_written)
{
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        RelaySettings settings = settings_of(pairs[i].spec);
        DEFER(defer_json) cJSON *want = yaml_value(pairs[i].metadata);
        DEFER(defer_json) cJSON *metadata = cJSON_CreateObject();

        relay_settings_write(&settings, metadata);
        assert_true(json_equal(metadata, want));
    }
}

TEST(the_relay_reads_what_the_controller_wrote)
{
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        RelaySettings want = settings_of(pairs[i].spec);
        DEFER(defer_json) cJSON *metadata = yaml_value(pairs[i].metadata);
        RelaySettings got;
        Error error;

        assert_int_equal(relay_settings_parse(metadata, &got, &error), 0);
        assert_same(&got, &want);
    }
}

TEST(a_stream_without_metadata_has_the_defaults)
{
    RelaySettings want = relay_settings_default();
    RelaySettings got;
    Error error;

    assert_int_equal(relay_settings_parse(NULL, &got, &error), 0);
    assert_same(&got, &want);
    assert_int_equal(got.weight, 1);
    assert_false(got.hold);
}

TEST(metadata_of_others_is_passed_over)
{
    DEFER(defer_json)
    cJSON *metadata =
        yaml_value("{team: blue, bulkhead.dev/uid: u, bulkhead.dev/relay.from-the-future: x}");
    RelaySettings got;
    Error error;

    assert_int_equal(relay_settings_parse(metadata, &got, &error), 0);
}

TEST(a_value_that_the_controller_does_not_write_is_refused_with_its_key)
{
    static const struct {
        const char *metadata;
        const char *want;
    } cases[] = {
        {"{bulkhead.dev/relay.weight: '0'}",
         "bulkhead.dev/relay.weight: '0' is not a whole number from 1 to 9007199254740992"},
        {"{bulkhead.dev/relay.burst: '-1'}",
         "bulkhead.dev/relay.burst: '-1' is not a whole number from 1 to 9007199254740992"},
        {"{bulkhead.dev/relay.events-per-second: many}",
         "bulkhead.dev/relay.events-per-second: 'many' is not a whole number from 1 to "
         "9007199254740992"},
        {"{bulkhead.dev/relay.weight: 7}",
         "bulkhead.dev/relay.weight: '' is not a whole number from 1 to 9007199254740992"},
        {"{bulkhead.dev/relay.ordering: key}",
         "bulkhead.dev/relay.ordering: 'key' must be None or Key"},
        {"{bulkhead.dev/relay.on-dead: ''}",
         "bulkhead.dev/relay.on-dead: '' must be Continue or Block"},
        {"{bulkhead.dev/relay.hold: 'yes'}",
         "bulkhead.dev/relay.hold: 'yes' must be false or true"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *metadata = yaml_value(cases[i].metadata);
        RelaySettings got = {.weight = 99};
        Error error;

        assert_int_equal(relay_settings_parse(metadata, &got, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].want);
        assert_int_equal(got.weight, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_not_the_default_is_written),
        cmocka_unit_test(the_relay_reads_what_the_controller_wrote),
        cmocka_unit_test(a_stream_without_metadata_has_the_defaults),
        cmocka_unit_test(metadata_of_others_is_passed_over),
        cmocka_unit_test(a_value_that_the_controller_does_not_write_is_refused_with_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

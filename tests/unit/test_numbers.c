#include "numbers.h"
#include "unit.h"
#include "yaml_value.h"

#define STREAM "{created: c, state: {messages: 1, bytes: 2, first_seq: 3, last_seq: 4, last_ts: t}}"

static void set_stream(Numbers *numbers, const char *info)
{
    DEFER(defer_json) cJSON *value = yaml_value(info);

    numbers_set_stream(numbers, value);
}

static void add_consumer(Numbers *numbers, const char *info)
{
    DEFER(defer_json) cJSON *value = yaml_value(info);

    numbers_add_consumer(numbers, value);
}

static void json_is(const cJSON *json, const char *want)
{
    DEFER(defer_free) char *text = json_print(json);

    assert_string_equal(text, want);
}

TEST(they_are_given_back_as_the_server_gave_them)
{
    DEFER(numbers_done) Numbers numbers = {0};

    set_stream(&numbers, STREAM);
    add_consumer(&numbers, "{name: b, num_pending: 5, num_ack_pending: 6, num_redelivered: 7}");
    add_consumer(&numbers, "{name: a}");
    DEFER(observed_done) Observed observed = numbers_observed(&numbers);
    json_is(observed.stream,
            "{\"created\":\"c\",\"state\":{\"messages\":1,\"bytes\":2,\"first_seq\":"
            "3,\"last_seq\":4,\"last_ts\":\"t\"}}");
    json_is(observed.consumers,
            "[{\"name\":\"a\",\"num_pending\":0,\"num_ack_pending\":0,\"num_redelivered\":0},"
            "{\"name\":\"b\",\"num_pending\":5,\"num_ack_pending\":6,\"num_redelivered\":7}]");
}

TEST(without_a_stream_none_is_observed)
{
    DEFER(numbers_done) Numbers numbers = {0};
    DEFER(observed_done) Observed observed = numbers_observed(&numbers);

    assert_null(observed.stream);
    json_is(observed.consumers, "[]");
}

TEST(the_order_in_which_servers_answer_is_no_difference)
{
    DEFER(numbers_done) Numbers a = {0};
    DEFER(numbers_done) Numbers b = {0};

    set_stream(&a, "{created: a longer text that was there before}");
    set_stream(&a, STREAM);
    add_consumer(&a, "{name: x}");
    add_consumer(&a, "{name: y, num_pending: 1}");
    add_consumer(&b, "{name: y, num_pending: 1}");
    add_consumer(&b, "{name: x}");
    set_stream(&b, STREAM);
    assert_true(numbers_equal(&a, &b));
}

TEST(each_number_makes_a_difference)
{
    static const char *const streams[] = {
        "{created: d, state: {messages: 1, bytes: 2, first_seq: 3, last_seq: 4, last_ts: t}}",
        "{created: c, state: {messages: 0, bytes: 2, first_seq: 3, last_seq: 4, last_ts: t}}",
        "{created: c, state: {messages: 1, bytes: 0, first_seq: 3, last_seq: 4, last_ts: t}}",
        "{created: c, state: {messages: 1, bytes: 2, first_seq: 0, last_seq: 4, last_ts: t}}",
        "{created: c, state: {messages: 1, bytes: 2, first_seq: 3, last_seq: 0, last_ts: t}}",
        "{created: c, state: {messages: 1, bytes: 2, first_seq: 3, last_seq: 4, last_ts: u}}",
    };
    static const char *const consumers[] = {
        "{name: b}",
        "{name: a, num_pending: 1}",
        "{name: a, num_ack_pending: 1}",
        "{name: a, num_redelivered: 1}",
    };
    DEFER(numbers_done) Numbers numbers = {0};

    set_stream(&numbers, STREAM);
    add_consumer(&numbers, "{name: a}");
    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        DEFER(numbers_done) Numbers other = numbers_copy(&numbers);

        assert_true(numbers_equal(&numbers, &other));
        set_stream(&other, streams[i]);
        assert_false(numbers_equal(&numbers, &other));
    }
    for (size_t i = 0; i < ARRAY_SIZE(consumers); i++) {
        DEFER(numbers_done) Numbers other = {0};

        set_stream(&other, STREAM);
        assert_false(numbers_equal(&numbers, &other));
        add_consumer(&other, consumers[i]);
        assert_false(numbers_equal(&numbers, &other));
    }
}

TEST(a_consumer_that_no_tenant_can_declare_is_left_out)
{
    DEFER(numbers_done) Numbers numbers = {0};
    char info[128];

    (void)snprintf(info, sizeof info, "{name: '%0*d'}", CONSUMER_NAME_MAX, 0);
    add_consumer(&numbers, info);
    (void)snprintf(info, sizeof info, "{name: '%0*d'}", CONSUMER_NAME_MAX + 1, 0);
    add_consumer(&numbers, info);
    assert_int_equal(numbers.consumer_count, 1);
    assert_int_equal(strlen(numbers.consumers[0].name), CONSUMER_NAME_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_given_back_as_the_server_gave_them),
        cmocka_unit_test(without_a_stream_none_is_observed),
        cmocka_unit_test(the_order_in_which_servers_answer_is_no_difference),
        cmocka_unit_test(each_number_makes_a_difference),
        cmocka_unit_test(a_consumer_that_no_tenant_can_declare_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

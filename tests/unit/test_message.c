#include "message.h"
#include "unit.h"

enum { MAX_PAYLOAD = 1024 * 1024 };

static Bytes bytes(const char *text)
{
    return (Bytes){text, strlen(text)};
}

static Row row_with(const char *headers)
{
    return (Row){
        .tenant = bytes("acme"),
        .event_type = bytes("order.created"),
        .msg_id = bytes("6f1c00ff-1234-4567-89ab-cdef01234567"),
        .headers = bytes(headers),
        .payload = bytes("hello"),
        .payload_size = 5,
    };
}

static const char *header(const Message *message, const char *name)
{
    for (size_t i = 0; i < message->header_count; i++) {
        if (text_eq(message->headers[i].name, name))
            return message->headers[i].value;
    }
    return NULL;
}

static int build(Message *message, const Row *row, int64_t max, FailureCause *ret_cause,
                 Error *reterr)
{
    message_init(message);
    return message_build(message, row, max, ret_cause, reterr);
}

TEST(a_row_becomes_subject_headers_and_content)
{
    Row row = row_with("{\"traceparent\": \"00-ab-cd-01\", \"retries\": 3, \"big\": true}");
    Message message;
    FailureCause cause;
    Error error;

    assert_int_equal(build(&message, &row, MAX_PAYLOAD, &cause, &error), 0);
    assert_string_equal(message.subject, "tenant.acme.events.order.created");
    assert_string_equal(header(&message, "Nats-Msg-Id"), "6f1c00ff-1234-4567-89ab-cdef01234567");
    assert_string_equal(header(&message, "Nats-Expected-Stream"), "TENANT_ACME");
    assert_string_equal(header(&message, "traceparent"), "00-ab-cd-01");
    assert_string_equal(header(&message, "retries"), "3");
    assert_string_equal(header(&message, "big"), "true");
    assert_int_equal(message.header_count, 5);
    assert_int_equal(message.content.length, 5);
    message_done(&message);
}

TEST(a_message_is_used_again_for_the_next_row)
{
    Row first = row_with("{\"a\": \"1\", \"b\": \"2\"}");
    Row second = row_with("{}");
    Message message;
    FailureCause cause;
    Error error;

    assert_int_equal(build(&message, &first, MAX_PAYLOAD, &cause, &error), 0);
    assert_int_equal(message_build(&message, &second, MAX_PAYLOAD, &cause, &error), 0);
    assert_int_equal(message.header_count, 2);
    message_done(&message);
}

TEST(headers_that_speak_to_the_server_or_break_the_line_are_refused)
{
    static const struct {
        const char *headers;
        const char *text;
    } cases[] = {
        {"{\"Nats-Rollup\": \"all\"}", "a header's name is not 1 to 64"},
        {"{\"nats-ttl\": \"1s\"}", "a header's name is not 1 to 64"},
        {"{\"NATS-Msg-Id\": \"x\"}", "a header's name is not 1 to 64"},
        {"{\"Status\": \"503\"}", "a header's name is not 1 to 64"},
        {"{\"description\": \"x\"}", "a header's name is not 1 to 64"},
        {"{\"\": \"x\"}", "a header's name is not 1 to 64"},
        {"{\"a b\": \"x\"}", "a header's name is not 1 to 64"},
        {"{\"a:b\": \"x\"}", "a header's name is not 1 to 64"},
        {"{\"a\\r\\nPUB x 0\": \"x\"}", "a header's name is not 1 to 64"},
        {"{\"a\": \"x\\r\\ny\"}", "header a has more than one line"},
        {"{\"a\": \"x\\ny\"}", "header a has more than one line"},
        {"{\"a\": [1]}", "header a is not a text, number or boolean"},
        {"{\"a\": {\"b\": 1}}", "header a is not a text, number or boolean"},
        {"{\"a\": null}", "header a is not a text, number or boolean"},
        {"{\"a\": \"x\\u0000y\"}", "a header holds \\u0000"},
        {"{\"a\": \"\\\\\\u0000\"}", "a header holds \\u0000"},
        {"[]", "headers are not a JSON object"},
        {"3", "headers are not a JSON object"},
        {"{\"a\"", "headers are not a JSON object"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Row row = row_with(cases[i].headers);
        Message message;
        FailureCause cause = FAILURE_UNKNOWN;
        Error error = {0};

        assert_int_equal(build(&message, &row, MAX_PAYLOAD, &cause, &error), -1);
        assert_int_equal(cause, FAILURE_MALFORMED);
        assert_memory_equal(error.text, cases[i].text, strlen(cases[i].text));
        message_done(&message);
    }
}

TEST(a_name_of_64_characters_is_the_longest)
{
    char name[HEADER_NAME_MAX + 2];

    memset(name, 'a', sizeof name);
    name[HEADER_NAME_MAX] = '\0';
    assert_true(header_name_allowed(name));
    name[HEADER_NAME_MAX] = 'a';
    name[HEADER_NAME_MAX + 1] = '\0';
    assert_false(header_name_allowed(name));
}

TEST(a_backslash_before_u0000_is_only_text)
{
    Row row = row_with("{\"a\": \"\\\\u0000\"}");
    Message message;
    FailureCause cause;
    Error error;

    assert_int_equal(build(&message, &row, MAX_PAYLOAD, &cause, &error), 0);
    assert_string_equal(header(&message, "a"), "\\u0000");
    message_done(&message);
}

TEST(too_many_or_too_long_headers_are_refused)
{
    DEFER(text_done) Text many = TEXT_MAX(1 << 20);
    DEFER(text_done) Text huge = TEXT_MAX(1 << 20);
    Message message;
    FailureCause cause;
    Error error;

    text_add(&many, "{\"h0\": \"x\"");
    for (int i = 1; i <= MESSAGE_HEADERS_MAX; i++)
        text_addf(&many, ", \"h%d\": \"x\"", i);
    text_add(&many, "}");
    Row row = row_with(text_get(&many));
    assert_int_equal(build(&message, &row, MAX_PAYLOAD, &cause, &error), -1);
    assert_string_equal(error.text, "more than 64 headers");
    message_done(&message);

    text_add(&huge, "{\"h\": \"");
    for (int i = 0; i < HEADERS_BYTES_MAX; i++)
        text_add(&huge, "x");
    text_add(&huge, "\"}");
    row = row_with(text_get(&huge));
    assert_int_equal(build(&message, &row, MAX_PAYLOAD, &cause, &error), -1);
    assert_string_equal(error.text, "headers have more than 32768 bytes");
    message_done(&message);
}

/* "NATS/1.0\r\n", two headers of ours, "\r\n" and five bytes. */
TEST(the_servers_limit_counts_headers_and_content_together)
{
    Row row = row_with("{}");
    int64_t exact = 12 + (11 + 36 + 4) + (20 + 11 + 4) + 5;
    Message message;
    FailureCause cause = FAILURE_UNKNOWN;
    Error error;

    assert_int_equal(build(&message, &row, exact, &cause, &error), 0);
    message_done(&message);
    assert_int_equal(build(&message, &row, exact - 1, &cause, &error), -1);
    assert_int_equal(cause, FAILURE_TOO_LARGE);
    assert_string_equal(error.text, "with its headers the event has 103 bytes, the NATS server "
                                    "takes 102 (max_payload)");
    message_done(&message);
}

TEST(a_hostile_row_never_becomes_a_message)
{
    Row row = row_with("{}");
    Message message;
    FailureCause cause;
    Error error;

    row.event_type = bytes("x\r\nPUB tenant.other.events.y 0\r\n\r\n");
    assert_int_equal(build(&message, &row, MAX_PAYLOAD, &cause, &error), -1);
    assert_int_equal(cause, FAILURE_MALFORMED);
    message_done(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_becomes_subject_headers_and_content),
        cmocka_unit_test(a_message_is_used_again_for_the_next_row),
        cmocka_unit_test(headers_that_speak_to_the_server_or_break_the_line_are_refused),
        cmocka_unit_test(a_name_of_64_characters_is_the_longest),
        cmocka_unit_test(a_backslash_before_u0000_is_only_text),
        cmocka_unit_test(too_many_or_too_long_headers_are_refused),
        cmocka_unit_test(the_servers_limit_counts_headers_and_content_together),
        cmocka_unit_test(a_hostile_row_never_becomes_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

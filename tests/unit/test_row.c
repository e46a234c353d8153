#include "row.h"
#include "unit.h"

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static Row good_row(void)
{
    return (Row){
        .id = 1,
        .tenant = BYTES("acme"),
        .event_type = BYTES("order-created"),
        .msg_id = BYTES("6f1c00ff-1234-4567-89ab-cdef01234567"),
        .headers = BYTES("{}"),
        .payload = BYTES("hello"),
        .payload_size = 5,
    };
}

static void assert_refused(const Row *row, const char *text)
{
    Error error = {0};

    assert_int_equal(row_check(row, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_string_equal(error.text, text);
}

TEST(a_good_row_passes)
{
    Row row = good_row();
    Error error;

    assert_int_equal(row_check(&row, &error), 0);
    row.payload = (Bytes)BYTES("");
    row.payload_size = 0;
    assert_int_equal(row_check(&row, &error), 0);
}

TEST(a_tenant_id_that_is_none_is_refused)
{
    static const Bytes ids[] = {
        {NULL, 0},
        BYTES(""),
        BYTES("Acme"),
        BYTES("a.b"),
        BYTES("*"),
        BYTES(">"),
        BYTES("acme\r\nPUB x 0"),
        BYTES("acme\n"),
        BYTES("ac me"),
        BYTES("acme\0b"),
        BYTES("-acme"),
        BYTES("a12345678901234567890123456789012345678901"),
    };

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        Row row = good_row();

        row.tenant = ids[i];
        assert_refused(&row, "tenant_id is not a tenant id");
    }
}

TEST(an_event_type_that_would_change_the_subject_is_refused)
{
    static const Bytes types[] = {
        {NULL, 0},     BYTES(""),    BYTES("."),
        BYTES("a..b"), BYTES("a."),  BYTES("*"),
        BYTES("a.>"),  BYTES("a b"), BYTES("a\r\nPUB tenant.other.events.x 0\r\n"),
        BYTES("a\0b"),
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        Row row = good_row();

        row.event_type = types[i];
        assert_refused(&row, "event_type is not words of A-Z, a-z, 0-9, _ and -, joined by dots");
    }
}

TEST(columns_that_lost_their_constraints_are_refused)
{
    Row row = good_row();

    row.msg_id = (Bytes){NULL, 0};
    assert_refused(&row, "msg_id is missing");
    row = good_row();
    row.payload_size = -1;
    assert_refused(&row, "payload is NULL");
    row = good_row();
    row.headers_too_large = true;
    assert_refused(&row, "headers are larger than allowed");
}

TEST(a_message_id_that_could_be_more_than_one_header_is_refused)
{
    char long_id[MSG_ID_MAX + 2] = {0};
    const Bytes ids[] = {BYTES(""),     BYTES("a b"),  BYTES("a\r\nNats-Rollup: all"),
                         BYTES("a\0b"), BYTES("\xc3"), {long_id, MSG_ID_MAX + 1}};

    memset(long_id, 'x', MSG_ID_MAX + 1);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        Row row = good_row();

        row.msg_id = ids[i];
        assert_refused(&row, "msg_id is not 1 to 128 printable characters");
    }
    Row row = good_row();
    Error error;
    row.msg_id = (Bytes){long_id, MSG_ID_MAX};
    assert_int_equal(row_check(&row, &error), 0);
}

TEST(bytes_become_a_text_only_if_they_fit_and_hold_no_nul)
{
    const Bytes fits = BYTES("abc");
    const Bytes split = BYTES("a\0c");
    const Bytes null = {NULL, 0};
    char text[4];

    assert_true(bytes_text(&fits, text, sizeof text));
    assert_string_equal(text, "abc");
    assert_false(bytes_text(&fits, text, 3));
    assert_false(bytes_text(&split, text, sizeof text));
    assert_false(bytes_text(&null, text, sizeof text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_row_passes),
        cmocka_unit_test(a_tenant_id_that_is_none_is_refused),
        cmocka_unit_test(an_event_type_that_would_change_the_subject_is_refused),
        cmocka_unit_test(columns_that_lost_their_constraints_are_refused),
        cmocka_unit_test(a_message_id_that_could_be_more_than_one_header_is_refused),
        cmocka_unit_test(bytes_become_a_text_only_if_they_fit_and_hold_no_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

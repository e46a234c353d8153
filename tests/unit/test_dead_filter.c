#include "dead_filter.h"
#include "unit.h"

static DeadFilter filter;

static int parse(const DeadOptions *options, const char *const *words, size_t count, Error *error)
{
    return dead_filter_parse(options, &(DeadWords){words, count}, &filter, error);
}

static DeadOptions options_of(const char *tenant, const char *reason, bool all)
{
    return (DeadOptions){.tenant = tenant, .reason = reason, .all = all};
}

TEST(ids_are_read_once_each)
{
    static const char *const words[] = {"12", "7", "12", "999999999999999"};
    DeadOptions options = options_of("", "", false);
    Error error;

    assert_int_equal(parse(&options, words, ARRAY_SIZE(words), &error), 0);
    assert_int_equal(filter.id_count, 3);
    assert_int_equal(filter.ids[0], 12);
    assert_int_equal(filter.ids[1], 7);
    assert_int_equal(filter.ids[2], INT64_C(999999999999999));
}

TEST(what_is_no_id_is_refused)
{
    static const char *const wrong[] = {"", "0", "-1", "1x", "1,2", "1000000000000000"};
    DeadOptions options = options_of("", "", false);

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        Error error;

        assert_int_equal(parse(&options, &wrong[i], 1, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_true(text_starts(error.text, "a dead_id, as `dead list` shows it: "));
    }
}

TEST(more_ids_than_a_call_takes_are_refused)
{
    static const char *words[DEAD_IDS_MAX + 1];
    DeadOptions options = options_of("", "", false);
    Error error;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        words[i] = "1";
    assert_int_equal(parse(&options, words, DEAD_IDS_MAX, &error), 0);
    assert_int_equal(filter.id_count, 1);
    assert_int_equal(parse(&options, words, ARRAY_SIZE(words), &error), -1);
    assert_string_equal(error.text, "more than 1000 ids: name the rest in another call");
}

TEST(a_text_that_is_too_long_is_refused)
{
    char text[DEAD_TEXT_MAX + 2];
    DeadOptions options = options_of(text, "", false);
    Error error;

    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(parse(&options, NULL, 0, &error), -1);
    assert_string_equal(error.text, "--tenant: at most 256 bytes");
    options = options_of("", text, false);
    assert_int_equal(parse(&options, NULL, 0, &error), -1);
    assert_string_equal(error.text, "--reason: at most 256 bytes");
}

TEST(a_change_says_which_rows_or_all_and_not_both)
{
    static const char *const id[] = {"1"};
    static const struct {
        const char *tenant;
        const char *reason;
        size_t ids;
        bool all;
        bool right;
    } cases[] = {
        {"", "", 0, false, false},    {"", "", 0, true, true},   {"", "", 1, false, true},
        {"acme", "", 0, false, true}, {"", "x", 0, false, true}, {"acme", "x", 1, false, true},
        {"acme", "", 0, true, false}, {"", "x", 0, true, false}, {"", "", 1, true, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DeadOptions options = options_of(cases[i].tenant, cases[i].reason, cases[i].all);
        Error error;

        assert_int_equal(parse(&options, id, cases[i].ids, &error), 0);
        int r = dead_filter_check_change(&options, &filter, &error);
        assert_int_equal(r == 0, cases[i].right);
        if (r < 0)
            assert_int_equal(error.kind, ERROR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_read_once_each),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(more_ids_than_a_call_takes_are_refused),
        cmocka_unit_test(a_text_that_is_too_long_is_refused),
        cmocka_unit_test(a_change_says_which_rows_or_all_and_not_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

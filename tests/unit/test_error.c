#include <ctype.h>

#include "error.h"
#include "unit.h"

static const ErrorKind kinds[] = {
#define X(kind, reason, retry) kind,
    ERROR_KINDS(X)
#undef X
};

TEST(a_failure_is_its_kind_its_text_and_minus_one)
{
    Error error;

    assert_int_equal(error_set(&error, ERROR_DENIED, "user %s may not %s", "ann", "publish"), -1);
    assert_int_equal(error.kind, ERROR_DENIED);
    assert_string_equal(error.text, "user ann may not publish");
}

TEST(a_context_stands_in_front_and_leaves_the_kind)
{
    Error error;

    (void)error_set(&error, ERROR_LIMIT, "no space");
    assert_int_equal(error_wrap(&error, "stream '%s'", "orders"), -1);
    assert_int_equal(error_wrap(&error, "tenant acme"), -1);
    assert_int_equal(error.kind, ERROR_LIMIT);
    assert_string_equal(error.text, "tenant acme: stream 'orders': no space");
}

TEST(a_text_too_long_is_cut)
{
    char text[2 * ERROR_TEXT_MAX];
    Error error;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)error_set(&error, ERROR_BUSY, "%s", text);
    assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
}

TEST(a_long_context_leaves_room_for_the_text)
{
    char text[ERROR_TEXT_MAX];
    Error error;

    memset(text, 'c', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)error_set(&error, ERROR_BUSY, "the end of it");
    (void)error_wrap(&error, "%s", text);
    assert_memory_equal(error.text, "cccc", 4);
    assert_non_null(strstr(error.text, "c: the end of it"));
}

/* As metav1.Condition wants it: ^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$ */
TEST(every_reason_is_a_word_that_a_condition_may_show)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const char *reason = error_reason(kinds[i]);

        assert_true(isupper((unsigned char)reason[0]));
        for (const char *c = reason; *c != '\0'; c++)
            assert_true(isalnum((unsigned char)*c));
    }
}

TEST(no_two_kinds_have_the_same_reason)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(error_reason(kinds[i]), error_reason(kinds[j]));
    }
}

TEST(the_kind_decides_when_to_try_again)
{
    static const struct {
        ErrorKind kind;
        Retry retry;
        bool terminal;
    } cases[] = {
        {ERROR_NONE, RETRY_NEVER, false},        {ERROR_BUSY, RETRY_BACKOFF, false},
        {ERROR_CONFLICT, RETRY_NOW, false},      {ERROR_EXPIRED, RETRY_NOW, false},
        {ERROR_NOT_FOUND, RETRY_BACKOFF, false}, {ERROR_DENIED, RETRY_SLOWLY, true},
        {ERROR_LIMIT, RETRY_SLOWLY, true},       {ERROR_OWNED, RETRY_SLOWLY, true},
        {ERROR_UNOWNED, RETRY_SLOWLY, true},     {ERROR_UNSUPPORTED, RETRY_SLOWLY, true},
        {ERROR_REFUSED, RETRY_SLOWLY, true},     {ERROR_INVALID, RETRY_ON_CHANGE, true},
        {ERROR_BUG, RETRY_BACKOFF, false},
    };

    assert_int_equal(ARRAY_SIZE(cases), ARRAY_SIZE(kinds));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(error_retry(cases[i].kind), cases[i].retry);
        assert_int_equal(error_is_terminal(cases[i].kind), cases[i].terminal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_its_kind_its_text_and_minus_one),
        cmocka_unit_test(a_context_stands_in_front_and_leaves_the_kind),
        cmocka_unit_test(a_text_too_long_is_cut),
        cmocka_unit_test(a_long_context_leaves_room_for_the_text),
        cmocka_unit_test(every_reason_is_a_word_that_a_condition_may_show),
        cmocka_unit_test(no_two_kinds_have_the_same_reason),
        cmocka_unit_test(the_kind_decides_when_to_try_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

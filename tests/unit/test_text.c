#include "alloc.h"
#include "text.h"
#include "unit.h"

TEST(an_empty_text_reads_as_an_empty_string)
{
    DEFER(text_done) Text text = TEXT_MAX(10);

    assert_string_equal(text_get(&text), "");
    assert_int_equal(text.length, 0);
}

TEST(parts_are_joined)
{
    DEFER(text_done) Text text = TEXT_MAX(100);

    text_add(&text, "one");
    text_add_bytes(&text, ", two-three", 5);
    text_addf(&text, " %s %d", "and", 3);
    assert_string_equal(text_get(&text), "one, two and 3");
    assert_int_equal(text.length, strlen("one, two and 3"));
}

TEST(a_text_grows_to_exactly_its_maximum)
{
    DEFER(text_done) Text text = TEXT_MAX(1000);

    for (int i = 0; i < 1000; i++)
        text_add(&text, "x");
    assert_int_equal(text.length, 1000);
    assert_false(text.full);
    text_add(&text, "x");
    assert_int_equal(text.length, 1000);
    assert_true(text.full);
}

TEST(what_does_not_fit_is_left_out_whole)
{
    DEFER(text_done) Text text = TEXT_MAX(5);

    text_add(&text, "1234");
    text_addf(&text, "%d", 56);
    assert_string_equal(text_get(&text), "1234");
    assert_true(text.full);
}

TEST(nothing_is_added_after_something_did_not_fit)
{
    DEFER(text_done) Text text = TEXT_MAX(5);

    text_add(&text, "1234");
    text_add(&text, "56");
    text_add(&text, "5");
    assert_string_equal(text_get(&text), "1234");
}

TEST(bytes_of_any_value_are_kept)
{
    DEFER(text_done) Text text = TEXT_MAX(10);

    text_add_bytes(&text, "a\0b", 3);
    text_add_bytes(&text, NULL, 0);
    assert_int_equal(text.length, 3);
    assert_memory_equal(text.at, "a\0b", 4);
}

TEST(a_cleared_text_starts_again)
{
    DEFER(text_done) Text text = TEXT_MAX(4);

    text_clear(&text);
    text_add(&text, "12345");
    text_clear(&text);
    text_add(&text, "678");
    assert_string_equal(text_get(&text), "678");
    assert_false(text.full);
}

TEST(taking_hands_the_content_on)
{
    DEFER(text_done) Text text = TEXT_MAX(10);

    text_add(&text, "mine");
    DEFER(defer_free) char *taken = text_take(&text);
    assert_string_equal(taken, "mine");
    assert_string_equal(text_get(&text), "");
    text_add(&text, "0123456789");
    assert_false(text.full);
}

TEST(taking_from_an_empty_text_gives_an_empty_string)
{
    Text text = TEXT_MAX(10);
    DEFER(defer_free) char *taken = text_take(&text);

    assert_string_equal(taken, "");
}

TEST(an_allocation_of_nothing_is_still_memory)
{
    DEFER(defer_free) char *none = xmalloc(0);
    DEFER(defer_free) char *zeroed = xcalloc(0, 0);
    DEFER(defer_free) char *moved = xrealloc(NULL, 0);

    assert_non_null(none);
    assert_non_null(zeroed);
    assert_non_null(moved);
}

TEST(copies_of_text_are_the_callers_own)
{
    DEFER(defer_free) char *all = xstrdup("abc");
    DEFER(defer_free) char *some = xstrndup("abc", 2);
    DEFER(defer_free) char *made = xasprintf("%s-%d", "abc", 7);

    assert_string_equal(all, "abc");
    assert_string_equal(some, "ab");
    assert_string_equal(made, "abc-7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_reads_as_an_empty_string),
        cmocka_unit_test(parts_are_joined),
        cmocka_unit_test(a_text_grows_to_exactly_its_maximum),
        cmocka_unit_test(what_does_not_fit_is_left_out_whole),
        cmocka_unit_test(nothing_is_added_after_something_did_not_fit),
        cmocka_unit_test(bytes_of_any_value_are_kept),
        cmocka_unit_test(a_cleared_text_starts_again),
        cmocka_unit_test(taking_hands_the_content_on),
        cmocka_unit_test(taking_from_an_empty_text_gives_an_empty_string),
        cmocka_unit_test(an_allocation_of_nothing_is_still_memory),
        cmocka_unit_test(copies_of_text_are_the_callers_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "text.h"
#include "unit.h"
#include "watch_lines.h"

/* Feeds TEXT in pieces of STEP bytes; gives the lines back, each in brackets. */
static char *split(const char *text, size_t step)
{
    DEFER(watch_lines_done) WatchLines lines;
    Text got = TEXT_MAX(1 << 20);
    size_t length = strlen(text);

    watch_lines_init(&lines, 1000);
    for (size_t at = 0; at < length; at += step) {
        const char *line = NULL;
        size_t line_length = 0;
        Error error = {0};

        assert_int_equal(
            watch_lines_add(&lines, text + at, step < length - at ? step : length - at, &error), 0);
        while (watch_lines_next(&lines, &line, &line_length))
            text_addf(&got, "[%.*s]", (int)line_length, line);
    }
    return text_take(&got);
}

TEST(lines_are_the_same_however_the_bytes_come)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"a", ""},
        {"a\n", "[a]"},
        {"a\nb\n", "[a][b]"},
        {"a\nb", "[a]"},
        {"\n\na\n\n\nbc\n\n", "[a][bc]"},
        {"a\r\nb\r\n\r\n", "[a][b]"},
        {"{\"type\":\"ADDED\"}\n{\"type\":\"BOOKMARK\"}\n{\"ty",
         "[{\"type\":\"ADDED\"}][{\"type\":\"BOOKMARK\"}]"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t step = 1; step < 20; step++) {
            char *got = split(cases[i][0], step);

            assert_string_equal(got, cases[i][1]);
            free(got);
        }
    }
}

TEST(a_line_may_hold_any_byte_but_its_end)
{
    DEFER(watch_lines_done) WatchLines lines;
    const char *line = NULL;
    size_t length = 0;
    Error error = {0};

    watch_lines_init(&lines, 100);
    assert_int_equal(watch_lines_add(&lines, "a\0b\xff\n", 5, &error), 0);
    assert_true(watch_lines_next(&lines, &line, &length));
    assert_int_equal(length, 4);
    assert_memory_equal(line, "a\0b\xff", 4);
    assert_false(watch_lines_next(&lines, &line, &length));
}

TEST(a_line_that_is_too_long_is_an_error)
{
    DEFER(watch_lines_done) WatchLines lines;
    Error error = {0};

    watch_lines_init(&lines, 10);
    assert_int_equal(watch_lines_add(&lines, "0123456789", 10, &error), 0);
    assert_int_equal(watch_lines_add(&lines, "x", 1, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_string_equal(error.text, "a line of the watch is longer than 10 bytes");
}

TEST(lines_that_were_taken_make_room)
{
    DEFER(watch_lines_done) WatchLines lines;
    const char *line = NULL;
    size_t length = 0;
    Error error = {0};

    watch_lines_init(&lines, 10);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(watch_lines_add(&lines, "01234\n56", 8, &error), 0);
        assert_true(watch_lines_next(&lines, &line, &length));
        assert_memory_equal(line, i == 0 ? "01234" : "5601234", length);
        assert_int_equal(length, i == 0 ? 5 : 7);
        assert_false(watch_lines_next(&lines, &line, &length));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_the_same_however_the_bytes_come),
        cmocka_unit_test(a_line_may_hold_any_byte_but_its_end),
        cmocka_unit_test(a_line_that_is_too_long_is_an_error),
        cmocka_unit_test(lines_that_were_taken_make_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "alloc.h"
#include "memory.h"
#include "text.h"
#include "unit.h"

static char written[1 << 16] = "before";

/* "RssFile:  3456 kB" of /proc/self/status. */
static long resident_file_kb(void)
{
    char line[256];
    long kb = -1;
    FILE *file = fopen("/proc/self/status", "re");

    assert_non_null(file);
    while (kb < 0 && fgets(line, sizeof line, file) != NULL) {
        if (text_starts(line, "RssFile:"))
            kb = strtol(line + strlen("RssFile:"), NULL, 10);
    }
    (void)fclose(file);
    assert_true(kb >= 0);
    return kb;
}

TEST(what_only_the_start_needed_is_given_back)
{
    long before_kb = resident_file_kb();

    memory_trim();
    assert_true(resident_file_kb() < before_kb);
}

TEST(what_was_written_stays)
{
    DEFER(defer_free) char *text = xstrdup("kept");

    (void)snprintf(written, sizeof written, "after");
    memory_trim();
    assert_string_equal(written, "after");
    assert_string_equal(text, "kept");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_only_the_start_needed_is_given_back),
        cmocka_unit_test(what_was_written_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "clock.h"
#include "unit.h"

TEST(times_are_written_as_kubernetes_wants_them)
{
    static const struct {
        int64_t ms;
        const char *seconds;
        const char *micro;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
        {INT64_C(1795435200007), "2026-11-23T12:00:00Z", "2026-11-23T12:00:00.007000Z"},
        {INT64_C(951782400999), "2000-02-29T00:00:00Z", "2000-02-29T00:00:00.999000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999000Z"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[CLOCK_TEXT_SIZE];

        clock_rfc3339(cases[i].ms, text);
        assert_string_equal(text, cases[i].seconds);
        clock_rfc3339_micro(cases[i].ms, text);
        assert_string_equal(text, cases[i].micro);
    }
}

TEST(the_monotonic_clock_does_not_go_back)
{
    int64_t last = clock_us();

    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_us();

        assert_true(now >= last);
        last = now;
    }
    assert_true(clock_ms() - last / 1000 < 60000);
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
}

TEST(random_numbers_differ)
{
    uint32_t first = random_u32();
    int same = 0;

    for (int i = 0; i < 10; i++)
        same += random_u32() == first;
    assert_true(same < 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_as_kubernetes_wants_them),
        cmocka_unit_test(the_monotonic_clock_does_not_go_back),
        cmocka_unit_test(random_numbers_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

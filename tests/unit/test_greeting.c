#include "greeting.h"
#include "unit.h"

TEST(versions_are_compared_by_number)
{
    static const struct {
        const char *version;
        bool enough;
    } cases[] = {
        {"2.10.0", true},        {"2.9.25", false}, {"2.15.2", true},
        {"3.0.0", true},         {"1.4.1", false},  {"10.0.0", true},
        {"2.10.0-beta.1", true}, {"2.9", false},    {"", false},
        {"dev", false},          {"2", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(version_at_least(cases[i].version, 2, 10), cases[i].enough);
}

TEST(an_address_that_is_none_is_refused)
{
    Greeting greeting;
    Error error = {0};

    assert_int_equal(greeting_read("nats://", &greeting, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
}

TEST(a_server_that_is_away_is_a_matter_of_time)
{
    Greeting greeting;
    Error error = {0};

    assert_int_equal(greeting_read("nats://user:secret@127.0.0.1:1", &greeting, &error), -1);
    assert_int_equal(error.kind, ERROR_BUSY);
    assert_string_equal(error.text, "127.0.0.1:1 does not greet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_compared_by_number),
        cmocka_unit_test(an_address_that_is_none_is_refused),
        cmocka_unit_test(a_server_that_is_away_is_a_matter_of_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

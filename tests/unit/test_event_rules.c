#include "account_event.h"
#include "unit.h"

TEST(a_type_means_one_kind_and_a_kind_may_be_left_out)
{
    const EventRules rules = {
        .names = {"account.created, customer.created", "account.updated", "", "", "a.closed"},
    };
    Error error;

    assert_int_equal(event_names_check(&rules, &error), 0);
}

TEST(a_type_that_cannot_mean_what_it_is_set_to_is_refused)
{
    char long_name[EVENT_NAME_MAX + 2];
    const struct {
        const char *deleted;
        const char *want;
    } cases[] = {
        {"a.closed,customer.created",
         "the event type 'customer.created' cannot mean both account.created and account.deleted"},
        {"a.closed,,a.gone", "account.deleted: an event type must have 1 to 256 bytes"},
        {long_name, "account.deleted: an event type must have 1 to 256 bytes"},
    };

    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const EventRules rules = {
            .names = {"account.created,customer.created", "", "", "", cases[i].deleted},
        };
        Error error;

        assert_int_equal(event_names_check(&rules, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].want);
    }
}

TEST(fields_are_paths)
{
    assert_true(event_fields_valid("data.id"));
    assert_true(event_fields_valid("data.id, data.account.id"));
    assert_false(event_fields_valid(""));
    assert_false(event_fields_valid("data..id"));
    assert_false(event_fields_valid("data."));
    assert_false(event_fields_valid("a,,b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_type_means_one_kind_and_a_kind_may_be_left_out),
        cmocka_unit_test(a_type_that_cannot_mean_what_it_is_set_to_is_refused),
        cmocka_unit_test(fields_are_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

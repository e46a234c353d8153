#include "account_name.h"
#include "unit.h"

TEST(an_account_that_is_a_tenants_name_keeps_it)
{
    static const char *const names[] = {
        "acme", "a", "0", "acme-2", "a--b", "a123456789012345678901234567890123456789"};
    char name[TENANT_ID_MAX + 1];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        account_name(names[i], name);
        assert_string_equal(name, names[i]);
    }
}

TEST(any_other_account_gets_what_is_left_of_it_and_its_digest)
{
    static const struct {
        const char *account;
        const char *want; /* without the digest */
    } cases[] = {
        {"Acme", "acme-"},
        {"Acme, Inc.", "acme-inc-"},
        {"acct_1A2b3C", "acct-1a2b3c-"},
        {"-acme-", "acme-"},
        {"...", "account-"},
        {"\xc3\xa4\xc3\xb6", "account-"},
        {"550E8400-E29B-41D4-A716-446655440000-and-more-of-it", "550e8400-e29b-41d4-a716-4466554-"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char name[TENANT_ID_MAX + 1];
        size_t length = strlen(cases[i].want);

        account_name(cases[i].account, name);
        assert_true(tenant_id_valid(name));
        assert_true(text_starts(name, cases[i].want));
        assert_int_equal(strlen(name), length + 8);
    }
}

TEST(names_are_the_same_for_ever)
{
    char name[TENANT_ID_MAX + 1];

    account_name("Acme, Inc.", name);
    assert_string_equal(name, "acme-inc-c40fac9c");
    account_name("user@example.org", name);
    assert_string_equal(name, "user-example-org-d159ef62");
}

TEST(accounts_that_look_alike_have_different_names)
{
    char first[TENANT_ID_MAX + 1];
    char second[TENANT_ID_MAX + 1];

    account_name("Acme", first);
    account_name("ACME", second);
    assert_string_not_equal(first, second);
}

TEST(an_account_is_text_without_control_characters)
{
    char longest[ACCOUNT_ID_MAX + 2];

    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(account_id_valid(longest));
    longest[ACCOUNT_ID_MAX] = '\0';
    assert_true(account_id_valid(longest));
    assert_true(account_id_valid("Acme, Inc."));
    assert_false(account_id_valid(""));
    assert_false(account_id_valid("a\nb"));
    assert_false(account_id_valid("a\x7f"));
    assert_false(account_id_valid("a\xff"));
}

TEST(utf8_is_checked_to_the_letter)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        {"", true},
        {"plain", true},
        {"\xc3\xa4", true},
        {"\xe2\x82\xac", true},
        {"\xf0\x9f\x98\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\xed\x9f\xbf", true},
        {"\x80", false},
        {"\xc3", false},
        {"\xc0\xaf", false},         /* overlong */
        {"\xe0\x80\xaf", false},     /* overlong */
        {"\xf0\x80\x80\xaf", false}, /* overlong */
        {"\xed\xa0\x80", false},     /* a surrogate */
        {"\xf4\x90\x80\x80", false}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", false},
        {"\xe2\x82", false},
        {"\xe2\x28\xa1", false},
        {"a\xc3(", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_that_is_a_tenants_name_keeps_it),
        cmocka_unit_test(any_other_account_gets_what_is_left_of_it_and_its_digest),
        cmocka_unit_test(names_are_the_same_for_ever),
        cmocka_unit_test(accounts_that_look_alike_have_different_names),
        cmocka_unit_test(an_account_is_text_without_control_characters),
        cmocka_unit_test(utf8_is_checked_to_the_letter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

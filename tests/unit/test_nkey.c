#include "nkey.h"
#include "unit.h"

/* Made by `nats auth nkey gen user`. */
#define SEED   "SUAH4ABVK6SZIK2J55J5S5G2JQQIHISQOKNMCUOX55WTYUYG7377JHZOZ4"
#define PUBLIC "UAGVHRAZVOKNQ4QCBAV5LMKB3EQOHWO2VQZQPGBB3EO2P7KXYORHOZM2"

TEST(a_seed_has_its_public_key_however_its_file_is_written)
{
    static const char *const files[] = {
        SEED,
        SEED "\n",
        "\r\n  " SEED "\r\n",
        "-----BEGIN USER NKEY SEED-----\n" SEED "\n------END USER NKEY SEED------\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char public[NKEY_PUBLIC_SIZE];
        Error error;

        assert_int_equal(nkey_public(files[i], public, &error), 0);
        assert_string_equal(public, PUBLIC);
    }
}

TEST(what_is_no_users_seed_is_refused_and_not_shown)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "holds no user's NKey seed (SU...)"},
        {PUBLIC, "holds no user's NKey seed (SU...)"},
        {SEED "A", "holds no user's NKey seed (SU...)"},
        {"SAAH4ABVK6SZIK2J55J5S5G2JQQIHISQOKNMCUOX55WTYUYG7377JHZOZ4",
         "holds no user's NKey seed (SU...)"},
        {"SUAH4ABVK6SZIK2J55J5S5G2JQQIHISQOKNMCUOX55WTYUYG7377JHZOA4", "holds a damaged NKey seed"},
        {"SUAH4ABVK6SZIK2J55J5S5G2JQQIHISQOKNMCUOX55WTYUYG7377JHZOZ1", "holds a damaged NKey seed"},
        {"SUBH4ABVK6SZIK2J55J5S5G2JQQIHISQOKNMCUOX55WTYUYG7377JHZOZ4", "holds a damaged NKey seed"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char public[NKEY_PUBLIC_SIZE];
        Error error;

        assert_int_equal(nkey_public(cases[i].text, public, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_has_its_public_key_however_its_file_is_written),
        cmocka_unit_test(what_is_no_users_seed_is_refused_and_not_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

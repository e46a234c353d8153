#include "credentials.h"
#include "unit.h"

/* Made by `nats auth user credential`; the JWT ends at 1795791162. */
#define HEAD "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ"
#define CLAIMS                                                                                     \
    "eyJleHAiOjE3OTU3OTExNjIsImp0aSI6IlNOU1lFTFRTVFdKSlBIS1NQTEpKWEQ2SVFGRVFGM1pSUDVCTkdaR0cyQUw0" \
    "MzdIV1VJSFEiLCJpYXQiOjE3OTU3OTExNTl9"
#define FILE_OF(jwt)                                                                               \
    "-----BEGIN NATS USER JWT-----\n" jwt                                                          \
    "\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n"

TEST(credentials_end_when_their_jwt_says_so)
{
    assert_int_equal(credentials_end(FILE_OF(HEAD "." CLAIMS ".c2ln")), 1795791162);
    assert_int_equal(credentials_end("\n" FILE_OF(HEAD "." CLAIMS ".c2ln") "x"), 1795791162);
}

TEST(what_has_no_end_or_is_no_jwt_has_none)
{
    static const char *const texts[] = {
        "",
        "-----BEGIN NATS USER JWT-----",
        FILE_OF(""),
        FILE_OF(HEAD),
        FILE_OF(HEAD ".."),
        FILE_OF(HEAD ".!!!!.c2ln"),
        FILE_OF(HEAD ".bm8ganNvbg.c2ln"),      /* "no json" */
        FILE_OF(HEAD ".eyJpYXQiOjF9.c2ln"),    /* {"iat":1} */
        FILE_OF(HEAD ".eyJleHAiOiJ4In0.c2ln"), /* {"exp":"x"} */
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_int_equal(credentials_end(texts[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_end_when_their_jwt_says_so),
        cmocka_unit_test(what_has_no_end_or_is_no_jwt_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "signature.h"
#include "unit.h"

/* The examples of Standard Webhooks' and GitHub's own manuals. */
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID     "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define BODY   "{\"test\": 2432232314}"
#define STAMP  "1614265330"
#define MAC    "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define OTHER  "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

#define GITHUB_SECRET "It's a Secret to Everybody"
#define GITHUB_BODY   "Hello, World!"
#define GITHUB_MAC    "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

/* HMAC-SHA256 of "1614265330.{}" with GITHUB_SECRET. */
#define STRIPE_MAC "2ec9d06e83fb14c4762deb7a8cbf0f41ac15eb1a9c575691be8066b219828b8b"

static const int64_t stamp_ms = INT64_C(1614265330000);
static const int64_t minute_ms = 60000;

static SignatureKeys keys_of(SignatureForm form, const char *text)
{
    SignatureKeys keys = {0};
    Error error;

    assert_int_equal(signature_keys_add(&keys, form, text, &error), 0);
    return keys;
}

static SignatureRules rules_at(SignatureForm form, int64_t now_ms)
{
    return (SignatureRules){.form = form, .now_ms = now_ms, .tolerance_ms = 5 * minute_ms};
}

static SignedMessage message_of(const char *signature)
{
    return (SignedMessage){
        .id = ID, .timestamp = STAMP, .signature = signature, .body = BODY, .length = strlen(BODY)};
}

static int verify(const SignedMessage *message, const SignatureKeys *keys, Problem *retproblem)
{
    const SignatureRules rules = rules_at(SIGNATURE_STANDARD, stamp_ms);
    int64_t signed_ms = 0;
    int r = signature_verify(message, &rules, keys, &signed_ms, retproblem);

    if (r == 0)
        assert_int_equal(signed_ms, stamp_ms);
    return r;
}

TEST(the_example_of_the_standard_is_accepted)
{
    const SignatureKeys keys = keys_of(SIGNATURE_STANDARD, SECRET "\n");
    const SignedMessage message = message_of("v1," MAC);
    Problem problem;

    assert_int_equal(verify(&message, &keys, &problem), 0);
}

TEST(any_signature_may_fit_any_secret)
{
    const SignatureKeys keys = keys_of(SIGNATURE_STANDARD, "# two\n" OTHER "\n\n  \n" SECRET " \n");
    static const char *const signatures[] = {
        "v1," MAC,   "v1,AAAA v1," MAC, "v1," MAC " v1,AAAA", "v1a,whatever v2,else v1," MAC,
        "  v1," MAC,
    };
    Problem problem;

    assert_int_equal(keys.count, 2);
    for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
        const SignedMessage message = message_of(signatures[i]);

        assert_int_equal(verify(&message, &keys, &problem), 0);
    }
}

TEST(githubs_example_is_accepted_and_has_no_time)
{
    const SignatureKeys keys = keys_of(SIGNATURE_GITHUB, GITHUB_SECRET);
    const SignatureRules rules = rules_at(SIGNATURE_GITHUB, 0);
    const SignedMessage message = {
        .signature = "sha256=" GITHUB_MAC, .body = GITHUB_BODY, .length = strlen(GITHUB_BODY)};
    int64_t signed_ms = 0;
    Problem problem;

    assert_int_equal(signature_verify(&message, &rules, &keys, &signed_ms, &problem), 0);
    assert_int_equal(signed_ms, -1);
}

TEST(stripes_form_signs_the_time_with_the_body)
{
    const SignatureKeys keys = keys_of(SIGNATURE_STRIPE, GITHUB_SECRET);
    const SignatureRules rules = rules_at(SIGNATURE_STRIPE, stamp_ms);
    const char *const good[] = {
        "t=" STAMP ",v1=" STRIPE_MAC,
        "t=" STAMP ", v1=00, v1=" STRIPE_MAC ",v0=11",
        "v1=" STRIPE_MAC ",t=" STAMP,
    };
    int64_t signed_ms = 0;
    Problem problem;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        const SignedMessage message = {.signature = good[i], .body = "{}", .length = 2};

        assert_int_equal(signature_verify(&message, &rules, &keys, &signed_ms, &problem), 0);
        assert_int_equal(signed_ms, stamp_ms);
    }
}

TEST(what_does_not_fit_is_refused_with_its_reason)
{
    const SignatureKeys keys = keys_of(SIGNATURE_STANDARD, SECRET);
    char long_header[5000];
    char long_id[SIGNATURE_ID_MAX + 2];

    memset(long_header, 'v', sizeof long_header - 1);
    long_header[sizeof long_header - 1] = '\0';
    memset(long_id, 'i', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    const struct {
        const char *id;
        const char *timestamp;
        const char *signature;
        const char *body;
        ProblemKind want;
    } cases[] = {
        {NULL, STAMP, "v1," MAC, BODY, PROBLEM_NO_SIGNATURE},
        {ID, NULL, "v1," MAC, BODY, PROBLEM_NO_SIGNATURE},
        {ID, STAMP, NULL, BODY, PROBLEM_NO_SIGNATURE},
        {"", STAMP, "v1," MAC, BODY, PROBLEM_MALFORMED_SIGNATURE},
        {"msg.1", STAMP, "v1," MAC, BODY, PROBLEM_MALFORMED_SIGNATURE},
        {"msg 1", STAMP, "v1," MAC, BODY, PROBLEM_MALFORMED_SIGNATURE},
        {"msg\xc3\xa4", STAMP, "v1," MAC, BODY, PROBLEM_MALFORMED_SIGNATURE},
        {long_id, STAMP, "v1," MAC, BODY, PROBLEM_MALFORMED_SIGNATURE},
        {ID, "", "v1," MAC, BODY, PROBLEM_MALFORMED_SIGNATURE},
        {ID, "-1", "v1," MAC, BODY, PROBLEM_MALFORMED_SIGNATURE},
        {ID, "1614265330.5", "v1," MAC, BODY, PROBLEM_MALFORMED_SIGNATURE},
        {ID, STAMP ",1", "v1," MAC, BODY, PROBLEM_MALFORMED_SIGNATURE},
        {ID, "99999999999999999999", "v1," MAC, BODY, PROBLEM_MALFORMED_SIGNATURE},
        {ID, STAMP, long_header, BODY, PROBLEM_MALFORMED_SIGNATURE},
        {ID, STAMP, "", BODY, PROBLEM_BAD_SIGNATURE},
        {ID, STAMP, "v1,", BODY, PROBLEM_BAD_SIGNATURE},
        {ID, STAMP, "v1," MAC "=", BODY, PROBLEM_BAD_SIGNATURE},
        {ID, STAMP, "v1a," MAC, BODY, PROBLEM_BAD_SIGNATURE},
        {ID, STAMP, MAC, BODY, PROBLEM_BAD_SIGNATURE},
        {ID, STAMP, "v1,G0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY, PROBLEM_BAD_SIGNATURE},
        {ID "x", STAMP, "v1," MAC, BODY, PROBLEM_BAD_SIGNATURE},
        {ID, "1614265331", "v1," MAC, BODY, PROBLEM_BAD_SIGNATURE},
        {ID, STAMP, "v1," MAC, BODY " ", PROBLEM_BAD_SIGNATURE},
        {ID, STAMP, "v1," MAC, "", PROBLEM_BAD_SIGNATURE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const SignedMessage message = {.id = cases[i].id,
                                       .timestamp = cases[i].timestamp,
                                       .signature = cases[i].signature,
                                       .body = cases[i].body,
                                       .length = strlen(cases[i].body)};
        Problem problem = {0};

        assert_int_equal(verify(&message, &keys, &problem), -1);
        assert_int_equal(problem.kind, cases[i].want);
        assert_null(strstr(problem.detail, MAC));
    }
}

TEST(more_signatures_than_can_be_meant_are_refused)
{
    const SignatureKeys keys = keys_of(SIGNATURE_STANDARD, SECRET);
    char many[40 * sizeof "v1,AAAA "] = "";
    size_t length = 0;
    Problem problem = {0};

    for (int i = 0; i < 33; i++)
        length += (size_t)snprintf(many + length, sizeof many - length, "v1,AAAA ");
    const SignedMessage message = message_of(many);
    assert_int_equal(verify(&message, &keys, &problem), -1);
    assert_int_equal(problem.kind, PROBLEM_MALFORMED_SIGNATURE);
}

TEST(five_minutes_either_way_are_tolerated_and_not_a_millisecond_more)
{
    const SignatureKeys keys = keys_of(SIGNATURE_STANDARD, SECRET);
    const SignedMessage message = message_of("v1," MAC);
    const struct {
        int64_t away_ms;
        int want;
    } cases[] = {
        {0, 0},
        {5 * minute_ms, 0},
        {-5 * minute_ms, 0},
        {5 * minute_ms + 1, -1},
        {-5 * minute_ms - 1, -1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const SignatureRules rules = rules_at(SIGNATURE_STANDARD, stamp_ms + cases[i].away_ms);
        int64_t signed_ms = 0;
        Problem problem = {0};

        assert_int_equal(signature_verify(&message, &rules, &keys, &signed_ms, &problem),
                         cases[i].want);
        if (cases[i].want < 0)
            assert_int_equal(problem.kind, PROBLEM_STALE);
    }
}

/* A wrong signature is called wrong even if it is old, so that nobody learns our clock. */
TEST(the_time_is_only_looked_at_under_a_good_signature)
{
    const SignatureKeys keys = keys_of(SIGNATURE_STANDARD, OTHER);
    const SignedMessage message = message_of("v1," MAC);
    const SignatureRules rules = rules_at(SIGNATURE_STANDARD, stamp_ms + 60 * minute_ms);
    int64_t signed_ms = 0;
    Problem problem = {0};

    assert_int_equal(signature_verify(&message, &rules, &keys, &signed_ms, &problem), -1);
    assert_int_equal(problem.kind, PROBLEM_BAD_SIGNATURE);
}

TEST(a_secret_is_base64_with_or_without_its_prefix_and_padding)
{
    static const char *const same[] = {
        "whsec_c2l4dGVlbiBhbmQgYSBmZXcgbW9yZSE=",
        "whsec_c2l4dGVlbiBhbmQgYSBmZXcgbW9yZSE",
        "c2l4dGVlbiBhbmQgYSBmZXcgbW9yZSE=",
    };
    static const char want[] = "sixteen and a few more!";

    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        SignatureKeys keys = {0};
        Error error;

        assert_int_equal(signature_keys_add(&keys, SIGNATURE_STANDARD, same[i], &error), -1);
        assert_string_equal(error.text, "line 1: the secret is not 24 to 64 bytes long");
        assert_int_equal(keys.keys[0].length, strlen(want));
        assert_memory_equal(keys.keys[0].bytes, want, strlen(want));
    }
}

TEST(a_secret_that_cannot_be_one_is_refused_by_its_line_alone)
{
    static const struct {
        SignatureForm form;
        const char *text;
        const char *want;
    } cases[] = {
        {SIGNATURE_STANDARD, "\nwhsec_short", "line 2: the secret is not base64"},
        {SIGNATURE_STANDARD, "whsec_", "line 1: the secret is not base64"},
        {SIGNATURE_STANDARD, "whsec_AAAA", "line 1: the secret is not 24 to 64 bytes long"},
        {SIGNATURE_STANDARD, SECRET "\nwhsec_MfKQ9r8GKYqrTwjU-D8ILPZIo2LaLaSw",
         "line 2: the secret is not base64"},
        {SIGNATURE_STANDARD, "whsec_MfKQ9r8GKYqr=wjUPD8ILPZIo2LaLaSw",
         "line 1: the secret is not base64"},
        {SIGNATURE_GITHUB, "fifteen letters",
         "line 1: the secret is not 16 to 128 characters long"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        SignatureKeys keys = {0};
        Error error;

        assert_int_equal(signature_keys_add(&keys, cases[i].form, cases[i].text, &error), -1);
        assert_string_equal(error.text, cases[i].want);
    }
}

TEST(there_is_room_for_sixteen_secrets)
{
    SignatureKeys keys = {0};
    Error error;

    for (int i = 0; i < SIGNATURE_KEYS_MAX; i++)
        assert_int_equal(signature_keys_add(&keys, SIGNATURE_STANDARD, SECRET, &error), 0);
    assert_int_equal(signature_keys_add(&keys, SIGNATURE_STANDARD, SECRET, &error), -1);
    assert_string_equal(error.text, "line 1: more than 16 secrets");
    signature_keys_done(&keys);
    assert_int_equal(keys.count, 0);
    assert_int_equal(keys.keys[0].bytes[0], 0);
}

TEST(forms_are_known_by_their_names)
{
    SignatureForm form = SIGNATURE_STANDARD;

    assert_true(signature_form_parse("stripe", &form));
    assert_int_equal(form, SIGNATURE_STRIPE);
    assert_false(signature_form_parse("Stripe", &form));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_standard_is_accepted),
        cmocka_unit_test(any_signature_may_fit_any_secret),
        cmocka_unit_test(githubs_example_is_accepted_and_has_no_time),
        cmocka_unit_test(stripes_form_signs_the_time_with_the_body),
        cmocka_unit_test(what_does_not_fit_is_refused_with_its_reason),
        cmocka_unit_test(more_signatures_than_can_be_meant_are_refused),
        cmocka_unit_test(five_minutes_either_way_are_tolerated_and_not_a_millisecond_more),
        cmocka_unit_test(the_time_is_only_looked_at_under_a_good_signature),
        cmocka_unit_test(a_secret_is_base64_with_or_without_its_prefix_and_padding),
        cmocka_unit_test(a_secret_that_cannot_be_one_is_refused_by_its_line_alone),
        cmocka_unit_test(there_is_room_for_sixteen_secrets),
        cmocka_unit_test(forms_are_known_by_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

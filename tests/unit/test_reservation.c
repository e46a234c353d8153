#include "reservation.h"
#include "unit.h"
#include "yaml_value.h"

static const struct {
    const char *desired;
    const char *observed; /* NULL: none */
    const char *account;
    const char *error; /* NULL: it fits */
} cases[] = {
    {"{max_bytes: 10737418240, num_replicas: 1}", NULL,
     "{reserved_storage: 18253611008, limits: {max_storage: 21474836480}}",
     "needs 10Gi of file storage, 3Gi of 20Gi are free in the NATS account; lower "
     "spec.stream.maxBytes, or raise the account's limit"},
    {"{max_bytes: 3221225472}", NULL,
     "{reserved_storage: 18253611008, limits: {max_storage: 21474836480}}", NULL},
    {"{max_bytes: 1073741824, num_replicas: 3}", NULL,
     "{reserved_storage: 0, limits: {max_storage: 2147483648}}",
     "needs 3Gi (3 replicas) of file storage, 2Gi of 2Gi are free in the NATS account; lower "
     "spec.stream.maxBytes, or raise the account's limit"},
    {"{max_bytes: 1073741824, num_replicas: 3}", NULL,
     "{tiers: {R3: {reserved_storage: 0, limits: {max_storage: 2147483648}}}}", NULL},
    {"{max_bytes: 3221225472, num_replicas: 3}", NULL,
     "{tiers: {R3: {reserved_storage: 0, limits: {max_storage: 2147483648}}}}",
     "needs 3Gi of file storage, 2Gi of 2Gi are free in the NATS account; lower "
     "spec.stream.maxBytes, or raise the account's limit"},
    {"{max_bytes: 2048, storage: memory}", NULL,
     "{reserved_memory: 900, limits: {max_memory: 1000, max_storage: -1}}",
     "needs 2Ki of memory storage, 100 of 1000 are free in the NATS account; lower "
     "spec.stream.maxBytes, or raise the account's limit"},
    {"{max_bytes: 1536}", "{max_bytes: 1024, num_replicas: 1}",
     "{reserved_storage: 1024, limits: {max_storage: 1280}}",
     "needs 1.5Ki of file storage, 1.2Ki of 1.2Ki are free in the NATS account; lower "
     "spec.stream.maxBytes, or raise the account's limit"},
    {"{max_bytes: 1200}", "{max_bytes: 1024, num_replicas: 1}",
     "{reserved_storage: 1024, limits: {max_storage: 1280}}", NULL},
    {"{max_bytes: 512}", "{max_bytes: 1024, num_replicas: 1}",
     "{reserved_storage: 9999, limits: {max_storage: 10}}", NULL},
    {"{max_bytes: -1}", NULL, "{reserved_storage: 9999, limits: {max_storage: 10}}", NULL},
    {"{max_bytes: 9999}", NULL, "{reserved_storage: 5, limits: {max_storage: -1}}", NULL},
    {"{max_bytes: 9999}", NULL, "{}", NULL},
};

TEST(what_does_not_fit_is_said_with_numbers)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *desired = yaml_value(cases[i].desired);
        DEFER(defer_json)
        cJSON *observed = cases[i].observed != NULL ? yaml_value(cases[i].observed) : NULL;
        DEFER(defer_json) cJSON *account = yaml_value(cases[i].account);
        Reservation reservation = reservation_of(desired, observed);
        Error error = {0};

        assert_int_equal(reservation_check(&reservation, account, &error),
                         cases[i].error != NULL ? -1 : 0);
        assert_string_equal(error.text, cases[i].error != NULL ? cases[i].error : "");
        if (cases[i].error != NULL)
            assert_int_equal(error.kind, ERROR_LIMIT);
    }
}

TEST(an_account_that_is_not_known_decides_nothing)
{
    DEFER(defer_json) cJSON *desired = yaml_value("{max_bytes: 9999}");
    Reservation reservation = reservation_of(desired, NULL);
    Error error;

    assert_true(reservation_grows(&reservation));
    assert_int_equal(reservation_check(&reservation, NULL, &error), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_said_with_numbers),
        cmocka_unit_test(an_account_that_is_not_known_decides_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

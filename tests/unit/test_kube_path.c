#include "alloc.h"
#include "kube_path.h"
#include "unit.h"

static const KubeResource tenants = {"bulkhead.dev", "v1alpha1", "tenants", "Tenant"};
static const KubeResource secrets = {"", "v1", "secrets", "Secret"};

static void expect_path(char *got, const char *want)
{
    assert_string_equal(got, want);
    free(got);
}

TEST(a_path_names_group_version_namespace_and_object)
{
    const KubeRef all = {&tenants, NULL, NULL};
    const KubeRef acme = {&tenants, NULL, "acme"};
    const KubeRef secret = {&secrets, "prod", "creds"};
    const KubeRef every = {&secrets, NULL, NULL};

    expect_path(kube_path(&all, NULL, NULL, 0), "/apis/bulkhead.dev/v1alpha1/tenants");
    expect_path(kube_path(&acme, NULL, NULL, 0), "/apis/bulkhead.dev/v1alpha1/tenants/acme");
    expect_path(kube_path(&acme, "status", NULL, 0),
                "/apis/bulkhead.dev/v1alpha1/tenants/acme/status");
    expect_path(kube_path(&secret, NULL, NULL, 0), "/api/v1/namespaces/prod/secrets/creds");
    expect_path(kube_path(&every, NULL, NULL, 0), "/api/v1/secrets");
}

TEST(parameters_are_encoded_and_absent_ones_left_out)
{
    const KubeRef all = {&tenants, NULL, NULL};
    const KubeParam params[] = {
        {"continue", NULL},
        {"labelSelector", "team in (a,b),x!=y"},
        {"fieldManager", "bulkhead-controller"},
        {"continue", NULL},
        {"z", "\xc3\xa4&=?#%/+ ~"},
    };

    expect_path(kube_path(&all, NULL, params, ARRAY_SIZE(params)),
                "/apis/bulkhead.dev/v1alpha1/tenants?labelSelector=team%20in%20%28a%2Cb%29%2Cx%21"
                "%3Dy&fieldManager=bulkhead-controller&z=%C3%A4%26%3D%3F%23%25%2F%2B%20~");
    expect_path(kube_path(&all, NULL, params, 1), "/apis/bulkhead.dev/v1alpha1/tenants");
}

TEST(a_hostile_name_stays_one_segment)
{
    const KubeRef ref = {&tenants, NULL, "../../secrets?x=1#\r\n"};

    expect_path(kube_path(&ref, NULL, NULL, 0),
                "/apis/bulkhead.dev/v1alpha1/tenants/..%2F..%2Fsecrets%3Fx%3D1%23%0D%0A");
}

TEST(a_long_name_is_not_cut)
{
    char name[5000];
    const KubeRef ref = {&tenants, NULL, name};

    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    char *path = kube_path(&ref, NULL, NULL, 0);
    assert_int_equal(strlen(path), strlen("/apis/bulkhead.dev/v1alpha1/tenants/") + 4999);
    free(path);
}

TEST(the_core_group_has_no_name)
{
    expect_path(kube_api_version(&tenants), "bulkhead.dev/v1alpha1");
    expect_path(kube_api_version(&secrets), "v1");
}

TEST(versions_compare_by_length_and_then_as_text)
{
    static const char *const rising[] = {"1",  "2",  "9",   "10",
                                         "11", "99", "100", "18446744073709551616"};

    for (size_t i = 0; i < ARRAY_SIZE(rising); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(rising); j++) {
            int got = kube_version_compare(rising[i], rising[j]);

            assert_int_equal(got < 0, i < j);
            assert_int_equal(got > 0, i > j);
        }
    }
}

TEST(what_is_no_version_is_older_than_any)
{
    static const char *const none[] = {NULL, "", "0", "01", "-1", "1a", "a", " 1"};

    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        assert_true(kube_version_compare(none[i], "1") < 0);
        assert_true(kube_version_compare("1", none[i]) > 0);
        assert_int_equal(kube_version_compare(none[i], none[0]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_names_group_version_namespace_and_object),
        cmocka_unit_test(parameters_are_encoded_and_absent_ones_left_out),
        cmocka_unit_test(a_hostile_name_stays_one_segment),
        cmocka_unit_test(a_long_name_is_not_cut),
        cmocka_unit_test(the_core_group_has_no_name),
        cmocka_unit_test(versions_compare_by_length_and_then_as_text),
        cmocka_unit_test(what_is_no_version_is_older_than_any),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

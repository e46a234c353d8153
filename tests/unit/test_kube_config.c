#include "alloc.h"
#include "folder.h"
#include "kube_config.h"
#include "unit.h"

/* A file with one context; CLUSTER and USER are what stands in the braces. */
static void write_config(const Folder *folder, const char *name, const char *cluster,
                         const char *user)
{
    DEFER(defer_free)
    char *text = xasprintf("current-context: here\n"
                           "contexts:\n- name: here\n  context: {cluster: c, user: u}\n"
                           "- name: there\n"
                           "  context: {cluster: c, user: u, namespace: prod}\n"
                           "clusters:\n- name: c\n  cluster: {%s}\n"
                           "users:\n- name: u\n  user: {%s}\n",
                           cluster, user);

    folder_write(folder, name, text);
}

static KubeConfig *load(const Folder *folder, const char *context)
{
    DEFER(defer_free) char *path = folder_file(folder, "config");
    KubeConfig *config = NULL;
    Error error = {0};

    if (kube_config_load(path, context, &config, &error) < 0)
        fail_msg("%s", error.text);
    return config;
}

/* The file begins each text; the rest of it is WANT. */
static void expect_error(const Folder *folder, const char *context, const char *want)
{
    DEFER(defer_free) char *path = folder_file(folder, "config");
    DEFER(defer_free) char *whole = xasprintf("%s: %s", path, want);
    KubeConfig *config = NULL;
    Error error = {0};

    assert_int_equal(kube_config_load(path, context, &config, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_string_equal(error.text, whole);
    assert_null(config);
}

static void expect_file(const char *got, const Folder *folder, const char *name)
{
    DEFER(defer_free) char *want = folder_file(folder, name);

    assert_non_null(got);
    assert_string_equal(got, want);
}

TEST(a_context_is_a_cluster_and_a_user)
{
    DEFER(folder_done) Folder folder;

    folder_init(&folder);
    write_config(&folder, "config", "server: \"https://k:6443/prefix//\"", "token: abc");
    DEFER(defer_kube_config) KubeConfig *here = load(&folder, NULL);
    DEFER(defer_kube_config) KubeConfig *there = load(&folder, "there");
    assert_string_equal(here->server, "https://k:6443/prefix");
    assert_string_equal(here->token.at, "abc");
    assert_null(here->namespace);
    assert_null(here->ca.path);
    assert_null(here->ca.data.at);
    assert_null(here->exec);
    assert_null(here->impersonation[0]);
    assert_false(here->insecure);
    assert_string_equal(there->namespace, "prod");
}

TEST(relative_paths_start_from_the_file)
{
    DEFER(folder_done) Folder folder;

    folder_init(&folder);
    write_config(&folder, "config", "server: \"https://k\", certificate-authority: ca.crt",
                 "tokenFile: token, client-certificate: c.crt, client-key: /etc/c.key");
    DEFER(defer_kube_config) KubeConfig *config = load(&folder, NULL);
    expect_file(config->ca.path, &folder, "ca.crt");
    expect_file(config->token_file, &folder, "token");
    expect_file(config->client_cert.path, &folder, "c.crt");
    assert_string_equal(config->client_key.path, "/etc/c.key");
}

TEST(data_is_decoded_and_wins_over_a_file)
{
    DEFER(folder_done) Folder folder;

    folder_init(&folder);
    write_config(&folder, "config",
                 "server: \"https://k\", certificate-authority: ca.crt, "
                 "certificate-authority-data: Q0E=",
                 "client-certificate-data: \"Q0VS\\n VA==\", client-key-data: S0VZ");
    DEFER(defer_kube_config) KubeConfig *config = load(&folder, NULL);
    assert_null(config->ca.path);
    assert_string_equal(config->ca.data.at, "CA");
    assert_int_equal(config->ca.data.length, 2);
    assert_string_equal(config->client_cert.data.at, "CERT");
    assert_string_equal(config->client_key.data.at, "KEY");
}

TEST(the_less_common_fields_are_known)
{
    DEFER(folder_done) Folder folder;

    folder_init(&folder);
    write_config(&folder, "config",
                 "server: \"https://10.0.0.1\", tls-server-name: api.example, "
                 "proxy-url: \"socks5://p:1080\", insecure-skip-tls-verify: true",
                 "username: u, password: p, as: robot, as-uid: \"7\", as-groups: [g, h]");
    DEFER(defer_kube_config) KubeConfig *config = load(&folder, NULL);
    assert_string_equal(config->tls_server_name, "api.example");
    assert_string_equal(config->proxy_url, "socks5://p:1080");
    assert_true(config->insecure);
    assert_string_equal(config->username, "u");
    assert_string_equal(config->password.at, "p");
    assert_string_equal(config->impersonation[0], "Impersonate-User: robot");
    assert_string_equal(config->impersonation[1], "Impersonate-Uid: 7");
    assert_string_equal(config->impersonation[2], "Impersonate-Group: g");
    assert_string_equal(config->impersonation[3], "Impersonate-Group: h");
    assert_null(config->impersonation[4]);
}

TEST(a_plugin_learns_the_cluster_only_where_it_asks)
{
    static const char cluster[] = "server: \"https://k\", certificate-authority-data: Q0E=, "
                                  "extensions: [{name: client.authentication.k8s.io/exec, "
                                  "extension: {audience: x}}]";
    DEFER(folder_done) Folder folder;

    folder_init(&folder);
    write_config(&folder, "config", cluster,
                 "exec: {apiVersion: client.authentication.k8s.io/v1, command: p, "
                 "provideClusterInfo: true}");
    DEFER(defer_kube_config) KubeConfig *asks = load(&folder, NULL);
    DEFER(defer_free) char *info = json_print(asks->exec->cluster);
    assert_string_equal(info, "{\"server\":\"https://k\",\"config\":{\"audience\":\"x\"},"
                              "\"certificate-authority-data\":\"Q0E=\"}");
    write_config(&folder, "config", cluster,
                 "exec: {apiVersion: client.authentication.k8s.io/v1, command: p}");
    DEFER(defer_kube_config) KubeConfig *silent = load(&folder, NULL);
    assert_null(silent->exec->cluster);
}

TEST(what_is_wrong_is_named_with_its_place)
{
    static const char ok[] = "server: \"https://k\"";
    static const struct {
        const char *cluster;
        const char *user;
        const char *want;
    } cases[] = {
        {"", "", "context 'here': cluster 'c': server is missing"},
        {"server: k", "", "context 'here': cluster 'c': server 'k' must begin with https://"},
        {"server: \"https://k\", certificate-authority-data: \"%\"", "",
         "context 'here': cluster 'c': certificate-authority-data is not base64"},
        {ok, "client-certificate: a",
         "context 'here': user 'u': client-certificate and client-key must be given together"},
        {ok, "client-key-data: a", "context 'here': user 'u': client-key-data is not base64"},
        {"server: \"https://k\", certificate-authority: a, insecure-skip-tls-verify: true", "",
         "context 'here': user 'u': insecure-skip-tls-verify and certificate-authority exclude "
         "each other"},
        {ok, "auth-provider: {name: gcp}",
         "context 'here': user 'u': auth-provider is gone since Kubernetes 1.26; use exec"},
        {ok, "exec: {}",
         "context 'here': user 'u': exec.apiVersion is ''; it must be "
         "client.authentication.k8s.io/v1 or v1beta1"},
        {ok, "as-groups: [a]", "context 'here': user 'u': as-uid and as-groups need as"},
        {ok, "as: \"a\\r\\nX: y\"",
         "context 'here': user 'u': a control character in a name to act as"},
        {ok, "as: a, as-groups: [1]", "context 'here': user 'u': as-groups must be strings"},
        {ok, "as: a, as-user-extra: {}",
         "context 'here': user 'u': as-user-extra is not supported"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(folder_done) Folder folder;

        folder_init(&folder);
        write_config(&folder, "config", cases[i].cluster, cases[i].user);
        expect_error(&folder, NULL, cases[i].want);
    }
}

TEST(a_name_that_leads_nowhere_is_named)
{
    DEFER(folder_done) Folder folder;

    folder_init(&folder);
    write_config(&folder, "config", "server: \"https://k\"", "");
    expect_error(&folder, "x", "context 'x': no context of this name");
    folder_write(&folder, "config",
                 "current-context: a\n"
                 "contexts: [{name: a, context: {cluster: c, user: u}},"
                 " {name: b, context: {cluster: d, user: u}}]\n"
                 "clusters: [{name: c, cluster: {server: \"https://k\"}}]\n");
    expect_error(&folder, NULL, "context 'a': no user 'u'");
    expect_error(&folder, "b", "context 'b': no cluster 'd'");
    folder_write(&folder, "config", "{}");
    expect_error(&folder, NULL, "current-context is not set");
    folder_write(&folder, "config", "a: [\n");
    expect_error(&folder, NULL,
                 "line 2, column 1: while parsing a flow node, did not find expected node content");
    folder_write(&folder, "config", "- a\n");
    expect_error(&folder, NULL, "current-context is not set");
}

TEST(a_missing_file_is_named)
{
    KubeConfig *config = NULL;
    Error error = {0};

    assert_int_equal(kube_config_load("/nowhere/config", NULL, &config, &error), -1);
    assert_string_equal(error.text, "/nowhere/config: cannot be read: No such file or directory");
}

TEST(of_several_files_the_first_to_name_a_thing_wins)
{
    DEFER(folder_done) Folder folder;
    KubeConfig *config = NULL;
    Error error = {0};

    folder_init(&folder);
    folder_write(&folder, "one", "users: [{name: u, user: {tokenFile: t}}]\n");
    write_config(&folder, "two", "server: \"https://two\"", "token: two");
    DEFER(defer_free)
    char *paths = xasprintf("%s/missing::%s/one:%s/two:", folder.path, folder.path, folder.path);
    assert_int_equal(setenv("KUBECONFIG", paths, 1), 0);
    assert_int_equal(kube_config_load(NULL, NULL, &config, &error), 0);
    assert_string_equal(config->server, "https://two");
    assert_null(config->token.at);
    expect_file(config->token_file, &folder, "t");
    kube_config_free(config);
    assert_int_equal(setenv("KUBECONFIG", "/nowhere/a:/nowhere/b", 1), 0);
    assert_int_equal(kube_config_load(NULL, NULL, &config, &error), -1);
    assert_string_equal(error.text, "/nowhere/a:/nowhere/b: no kubeconfig there");
    assert_int_equal(unsetenv("KUBECONFIG"), 0);
}

TEST(a_pod_has_its_service_account)
{
    DEFER(folder_done) Folder folder;
    DEFER(defer_kube_config) KubeConfig *four = NULL;
    DEFER(defer_kube_config) KubeConfig *six = NULL;
    Error error = {0};

    folder_init(&folder);
    folder_write(&folder, "token", "t");
    folder_write(&folder, "ca.crt", "c");
    folder_write(&folder, "namespace", "bulkhead\n");
    assert_int_equal(kube_config_in_cluster(folder.path, "10.0.0.1", "443", &four, &error), 0);
    assert_int_equal(kube_config_in_cluster(folder.path, "fd00::1", "443", &six, &error), 0);
    assert_string_equal(four->server, "https://10.0.0.1:443");
    assert_string_equal(six->server, "https://[fd00::1]:443");
    assert_string_equal(four->namespace, "bulkhead");
    expect_file(four->token_file, &folder, "token");
    expect_file(four->ca.path, &folder, "ca.crt");
}

TEST(a_pod_without_a_token_is_told_what_to_do)
{
    DEFER(folder_done) Folder folder;
    KubeConfig *config = NULL;
    Error error = {0};

    folder_init(&folder);
    assert_int_equal(kube_config_in_cluster(folder.path, "10.0.0.1", "443", &config, &error), -1);
    DEFER(defer_free)
    char *want = xasprintf("this is a pod, but %s has no token and ca.crt: set "
                           "automountServiceAccountToken, or give --kubeconfig",
                           folder.path);
    assert_string_equal(error.text, want);
}

TEST(without_any_of_these_the_user_is_told_what_to_give)
{
    DEFER(folder_done) Folder folder;
    KubeConfig *config = NULL;
    Error error = {0};

    folder_init(&folder);
    assert_int_equal(unsetenv("KUBECONFIG"), 0);
    assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
    assert_int_equal(setenv("HOME", folder.path, 1), 0);
    assert_int_equal(kube_config_load(NULL, NULL, &config, &error), -1);
    DEFER(defer_free)
    char *want = xasprintf("no Kubernetes configuration: give --kubeconfig or set KUBECONFIG "
                           "(there is no %s/.kube/config, and this is no pod)",
                           folder.path);
    assert_string_equal(error.text, want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_context_is_a_cluster_and_a_user),
        cmocka_unit_test(relative_paths_start_from_the_file),
        cmocka_unit_test(data_is_decoded_and_wins_over_a_file),
        cmocka_unit_test(the_less_common_fields_are_known),
        cmocka_unit_test(a_plugin_learns_the_cluster_only_where_it_asks),
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
        cmocka_unit_test(a_name_that_leads_nowhere_is_named),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(of_several_files_the_first_to_name_a_thing_wins),
        cmocka_unit_test(a_pod_has_its_service_account),
        cmocka_unit_test(a_pod_without_a_token_is_told_what_to_do),
        cmocka_unit_test(without_any_of_these_the_user_is_told_what_to_give),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "kube_config.h"

#include <unistd.h>

#include "alloc.h"
#include "kubeconfig.h"

static const char service_account_folder[] = "/var/run/secrets/kubernetes.io/serviceaccount";

static void pem_done(KubePem *pem)
{
    free(pem->path);
    secret_done(&pem->data);
}

void kube_config_free(KubeConfig *config)
{
    if (config == NULL)
        return;
    free(config->origin);
    free(config->server);
    free(config->namespace);
    free(config->tls_server_name);
    free(config->proxy_url);
    pem_done(&config->ca);
    pem_done(&config->client_cert);
    pem_done(&config->client_key);
    secret_done(&config->token);
    free(config->token_file);
    free(config->username);
    secret_done(&config->password);
    for (size_t i = 0; i < KUBE_IMPERSONATION_MAX; i++)
        free(config->impersonation[i]);
    kube_exec_free(config->exec);
    free(config);
}

int kube_config_in_cluster(const char *folder, const char *host, const char *port,
                           KubeConfig **ret_config, Error *reterr)
{
    DEFER(defer_kube_config) KubeConfig *config = xcalloc(1, sizeof *config);
    DEFER(defer_free) char *namespace_file = xasprintf("%s/namespace", folder);
    DEFER(secret_done) Secret namespace = {0};
    bool is_ipv6 = strchr(host, ':') != NULL && *host != '[';

    config->origin = xstrdup("the pod's service account");
    config->server = xasprintf(is_ipv6 ? "https://[%s]:%s" : "https://%s:%s", host, port);
    config->token_file = xasprintf("%s/token", folder);
    config->ca.path = xasprintf("%s/ca.crt", folder);
    if (access(config->token_file, R_OK) < 0 || access(config->ca.path, R_OK) < 0)
        return error_set(reterr, ERROR_INVALID,
                         "this is a pod, but %s has no token and ca.crt: set "
                         "automountServiceAccountToken, or give --kubeconfig",
                         folder);
    if (access(namespace_file, R_OK) == 0 && secret_read(namespace_file, &namespace, reterr) < 0)
        return -1;
    secret_trim(&namespace);
    if (namespace.length > 0)
        config->namespace = xstrdup(namespace.at);
    *ret_config = TAKE(config);
    return 0;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL ? value : "";
}

int kube_config_load(const char *path, const char *context, KubeConfig **ret_config, Error *reterr)
{
    const char *host = variable("KUBERNETES_SERVICE_HOST");
    const char *port = variable("KUBERNETES_SERVICE_PORT");
    DEFER(defer_free) char *usual = xasprintf("%s/.kube/config", variable("HOME"));

    if (path != NULL && *path != '\0')
        return kubeconfig_read(path, context, ret_config, reterr);
    if (*variable("KUBECONFIG") != '\0')
        return kubeconfig_read(variable("KUBECONFIG"), context, ret_config, reterr);
    if (*host != '\0' && *port != '\0')
        return kube_config_in_cluster(service_account_folder, host, port, ret_config, reterr);
    if (access(usual, F_OK) < 0)
        return error_set(reterr, ERROR_INVALID,
                         "no Kubernetes configuration: give --kubeconfig or set KUBECONFIG "
                         "(there is no %s, and this is no pod)",
                         usual);
    return kubeconfig_read(usual, context, ret_config, reterr);
}

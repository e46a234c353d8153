/* How to reach the API server and as whom: a kubeconfig, or the files of a pod. */
#ifndef KUBE_CONFIG_H
#define KUBE_CONFIG_H

#include "base.h"
#include "error.h"
#include "kube_exec.h"
#include "secret_file.h"

enum { KUBE_IMPERSONATION_MAX = 34 };

/* PEM bytes, given in place or as a file that may be replaced while we run. */
typedef struct KubePem {
    char *path; /* absolute; NULL: see data */
    Secret data;
} KubePem;

/* Only kube_client.c and its helpers look inside. Texts are NULL where not set. */
typedef struct KubeConfig {
    char *origin; /* for messages: "in-cluster", or the file's path and context */
    char *server; /* "https://host:port", perhaps with a path, no '/' at the end */
    char *namespace;
    char *tls_server_name;
    char *proxy_url;
    bool insecure; /* the server's certificate is not checked */
    KubePem ca;
    KubePem client_cert;
    KubePem client_key;
    Secret token;
    char *token_file; /* wins over token */
    char *username;
    Secret password;
    char *impersonation[KUBE_IMPERSONATION_MAX + 1]; /* whole headers; NULL ends them */
    KubeExec *exec;
} KubeConfig;

/* PATH if given, else $KUBECONFIG (files joined by ':', as kubectl joins them), else the service
 * account of the pod, else ~/.kube/config. CONTEXT NULL: the file's current one. ERROR_INVALID
 * with what is missing where. */
int kube_config_load(const char *path, const char *context, KubeConfig **ret_config, Error *reterr)
    MUST_CHECK;

/* The service account that is mounted at FOLDER. */
int kube_config_in_cluster(const char *folder, const char *host, const char *port,
                           KubeConfig **ret_config, Error *reterr) MUST_CHECK;

/* Takes NULL. */
void kube_config_free(KubeConfig *config);
DEFINE_DEFER(KubeConfig *, defer_kube_config, kube_config_free)

#endif

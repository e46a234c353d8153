/* Credential plugins of a kubeconfig (client.authentication.k8s.io): a program that prints a
 * token or a client certificate. Run without a shell, with a time limit and a bounded answer. */
#ifndef KUBE_EXEC_H
#define KUBE_EXEC_H

#include "base.h"
#include "error.h"
#include "json.h"
#include "kube_credential.h"

typedef struct KubeExec {
    char *api_version;
    char **argv;    /* NULL ends it; argv[0] has a '/' or is looked up in $PATH */
    char **env;     /* "NAME=value", besides our own environment; NULL ends it  */
    char *hint;     /* what the kubeconfig tells who lacks the program; or NULL */
    cJSON *cluster; /* spec.cluster of KUBERNETES_EXEC_INFO; NULL: not asked for */
    bool wants_cluster;
} KubeExec;

/* EXEC is the `exec` of a kubeconfig's user, FOLDER where a relative command starts from.
 * ERROR_INVALID naming the field. */
int kube_exec_parse(const cJSON *exec, const char *folder, KubeExec **ret_exec, Error *reterr)
    MUST_CHECK;

/* Takes NULL. */
void kube_exec_free(KubeExec *exec);
DEFINE_DEFER(KubeExec *, defer_kube_exec, kube_exec_free)

/* Runs it, for LIMIT_MS at most. ERROR_DENIED where it fails, with the end of what it wrote on
 * standard error; ERROR_BUSY where it does not end in time. */
int kube_exec_run(const KubeExec *exec, int64_t limit_ms, KubeCredential *ret_credential,
                  Error *reterr) MUST_CHECK;

#endif

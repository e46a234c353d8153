/* Credential plugins of a kubeconfig (client.authentication.k8s.io): a program that prints a
 * token or a client certificate. Run without a shell, with a time limit and a bounded answer. */
#ifndef KUBE_EXEC_H
#define KUBE_EXEC_H

#include "base.h"
#include "error.h"
#include "json.h"
#include "secret_file.h"

enum { KUBE_EXEC_MS = 60000 };

typedef struct KubeExec {
    char *api_version;
    char **argv;    /* NULL ends it; argv[0] is a path or is looked up in $PATH */
    char **env;     /* "NAME=value", besides our own environment; NULL ends it   */
    char *hint;     /* what the kubeconfig tells who lacks the program; may be NULL */
    cJSON *cluster; /* spec.cluster of KUBERNETES_EXEC_INFO; NULL: not asked for */
} KubeExec;

typedef struct KubeCredential {
    Secret token;
    Secret client_cert;
    Secret client_key;
    int64_t expires_ms; /* wall clock; INT64_MAX: not said */
} KubeCredential;

/* FILE is the `exec` of a kubeconfig's user, FOLDER where its relative command starts from. */
int kube_exec_parse(const cJSON *exec, const char *folder, KubeExec **ret_exec, Error *reterr)
    MUST_CHECK;
void kube_exec_free(KubeExec *exec);
DEFINE_DEFER(KubeExec *, defer_kube_exec, kube_exec_free)

/* Runs it. ERROR_DENIED where the program fails, with the end of its standard error. */
int kube_exec_run(const KubeExec *exec, KubeCredential *ret_credential, Error *reterr) MUST_CHECK;

/* Reads an ExecCredential. */
int kube_exec_answer_parse(const KubeExec *exec, const char *text, size_t length,
                           KubeCredential *ret_credential, Error *reterr) MUST_CHECK;
void kube_credential_done(KubeCredential *credential);

#endif

/* Reads kubeconfig files into a KubeConfig. kube_config.c decides which. */
#ifndef KUBECONFIG_H
#define KUBECONFIG_H

#include "kube_config.h"

/* PATHS is one file, or several joined by ':', of which missing ones are skipped and the first to
 * name a thing wins. CONTEXT NULL: the current one. ERROR_INVALID naming file and field. */
int kubeconfig_read(const char *paths, const char *context, KubeConfig **ret_config, Error *reterr)
    MUST_CHECK;

#endif

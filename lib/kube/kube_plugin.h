/* Runs a program that prints a secret: without a shell, in a group of its own, with a time limit
 * and a bounded answer. For kube_exec.c. */
#ifndef KUBE_PLUGIN_H
#define KUBE_PLUGIN_H

#include "base.h"
#include "error.h"
#include "secret_file.h"

/* ARGV[0] has a '/' or is looked up in $PATH; NULL ends both lists. RET_ANSWER is what it wrote on
 * standard output. ERROR_NOT_FOUND where it cannot be run, ERROR_DENIED where it fails, with the
 * end of what it wrote on standard error, ERROR_BUSY where it does not end in time. Whatever of
 * its group still runs after a failure is killed. */
int kube_plugin_run(char *const *argv, char *const *env, int64_t limit_ms, Secret *ret_answer,
                    Error *reterr) MUST_CHECK;

#endif

/* The thread that follows the Tenants in Kubernetes and feeds the dispatcher. */
#ifndef WATCHER_H
#define WATCHER_H

#include "dispatcher.h"
#include "kube_client.h"

typedef struct Watcher Watcher;

/* SELECTOR may be NULL. Runs until a stop is requested (stop.h); all three are borrowed. */
Watcher *watcher_start(KubeClient *kube, const char *selector, Dispatcher *dispatcher)
    __attribute__((__returns_nonnull__));

/* Waits for the thread's end. Takes NULL. */
void watcher_join(Watcher *self);

#endif

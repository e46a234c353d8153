/* The thread that follows the Tenants in Kubernetes and feeds the dispatcher. */
#ifndef WATCHER_H
#define WATCHER_H

#include "dispatcher.h"
#include "kube_client.h"
#include "pulse.h"

typedef struct Watcher Watcher;

typedef struct WatcherSettings {
    KubeClient *kube;
    const char *selector; /* of labels; NULL: all */
    Dispatcher *dispatcher;
    Pulse *pulse; /* of the thread; NULL: nobody asks */
} WatcherSettings;

/* Runs until a stop is requested (stop.h). What SETTINGS points to is borrowed. */
Watcher *watcher_start(const WatcherSettings *settings) __attribute__((__returns_nonnull__));

/* Waits for the thread's end. Takes NULL. */
void watcher_join(Watcher *self);

#endif

/* Tells Kubernetes what happened, without anybody waiting for it.
 *
 * Events go through a queue to one thread. It counts those that say the same (event_series.h), and
 * tries again for two minutes where the API server does not answer. When the queue is full an
 * Event is dropped and counted: losing one loses nothing but the telling. */
#ifndef KUBE_RECORDER_H
#define KUBE_RECORDER_H

#include "kube_event.h"

enum { KUBE_RECORDER_QUEUE = 1000, KUBE_RECORDER_TRIES = 12, KUBE_RECORDER_RETRY_MS = 10000 };

typedef struct KubeRecorderSettings {
    KubeClient *client;
    const char *controller; /* qualified: "bulkhead.dev/controller" */
    const char *instance;   /* of this process: the pod's name      */
    int64_t retry_ms;       /* between two tries; 0: KUBE_RECORDER_RETRY_MS */
    void (*on_lost)(void *context, const Error *error); /* called from its thread; may be NULL */
    void *context;
} KubeRecorderSettings;

typedef struct KubeRecorder KubeRecorder;

/* What SETTINGS points to is borrowed. */
KubeRecorder *kube_recorder_start(const KubeRecorderSettings *settings)
    __attribute__((__returns_nonnull__));

/* Never waits. `controller` and `instance` of EVENT are filled in. From any thread. */
void kube_recorder_tell(KubeRecorder *self, const KubeEvent *event);

/* Tells what still waits and the counts that were not told yet, for about BUDGET_MS and one
 * request, ends the thread and frees. Takes NULL. */
void kube_recorder_stop(KubeRecorder *self, int64_t budget_ms);

/* bulkhead_events_total. Call once, from main. */
void kube_recorder_register_metrics(void);

#endif

/* Events (events.k8s.io/v1): what `kubectl describe` shows below an object. */
#ifndef KUBE_EVENT_H
#define KUBE_EVENT_H

#include "kube_client.h"
#include "kube_path.h"

enum { KUBE_EVENT_NOTE_MAX = 1024 };

typedef struct KubeEvent {
    const cJSON *regarding; /* the object, as read: kind, name, uid, ... are taken from it */
    const char *controller; /* qualified: "bulkhead.dev/controller"                        */
    const char *instance;   /* of this process: the pod's name                             */
    bool warning;           /* else it is Normal                                           */
    const char *reason;     /* CamelCase                                                   */
    const char *action;     /* CamelCase                                                   */
    const char *note;       /* a sentence; cut at KUBE_EVENT_NOTE_MAX bytes                */
} KubeEvent;

/* The Event object, made at TIME (clock_rfc3339_micro()), its name ending in UNIQUE. An object
 * without a namespace has its Events in "default". Pure. The caller's. */
cJSON *kube_event_object(const KubeEvent *event, const char *time, uint64_t unique)
    __attribute__((__returns_nonnull__));

/* Creates EVENT, an object as above. */
int kube_event_post(KubeClient *client, const cJSON *event, Error *reterr) MUST_CHECK;

/* Writes EVENT's `series` onto the one that is there. ERROR_NOT_FOUND where it has expired. */
int kube_event_count(KubeClient *client, const cJSON *event, Error *reterr) MUST_CHECK;

#endif

/* List, then watch, for ever: every object of a kind, as the API server has it.
 *
 * Reads are consistent (never resourceVersion=0) and never go back in time; a break is resumed
 * from the last version seen, and listed anew where the server no longer has it. */
#ifndef WATCH_H
#define WATCH_H

#include "kube_client.h"
#include "kube_path.h"
#include "pulse.h"

/* Called from the thread of watch_run(), one at a time. They must not block for long. */
typedef struct WatchHandler {
    void *context;

    /* A whole list follows: on_object with INITIAL for each, then on_synced. What was not among
     * them by then is gone. A sync that breaks begins again with on_sync_begin. A list is
     * consistent: what it tells holds even where it is older than what is known, as after a
     * restore of etcd. */
    void (*on_sync_begin)(void *context);
    void (*on_synced)(void *context);

    /* Made or changed. OBJECT is handed over (cJSON_Delete). It may be older than what is known
     * already: compare with kube_version_compare(). managedFields are left out. */
    void (*on_object)(void *context, cJSON *object, bool initial);

    /* Gone, or no longer selected. OBJECT is borrowed: its last state. */
    void (*on_delete)(void *context, const cJSON *object);

    /* The server answers (again): a stream is open. May be NULL. */
    void (*on_open)(void *context);

    /* It goes on by itself; for the log. Not called for what is normal, as the closed watches and
     * the second of 429 that follow an update of a CRD. May be NULL. */
    void (*on_trouble)(void *context, const Error *error);

    Pulse *pulse; /* beats at each request and all that comes; NULL: nobody asks */
} WatchHandler;

typedef struct WatchTarget {
    const KubeResource *resource;
    const char *namespace; /* NULL: cluster-scoped, or all   */
    const char *labels;    /* a label selector; NULL: none   */
    const char *fields;    /* a field selector; NULL: none   */
    bool metadata_only;    /* PartialObjectMetadata: no spec, no status, no data */
} WatchTarget;

/* Runs until STOP_FD is readable (see stop_fd()); returns within a second from then. */
void watch_run(KubeClient *client, const WatchTarget *target, const WatchHandler *handler,
               int stop_fd);

#endif

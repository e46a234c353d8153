/* One HTTP exchange over libcurl that can be stopped at any moment. For kube_client.c. */
#ifndef KUBE_TRANSFER_H
#define KUBE_TRANSFER_H

#include <curl/curl.h>

#include "base.h"
#include "error.h"
#include "kube_client.h"
#include "text.h"

/* An easy handle and, beneath it, a set of connections of its own. */
typedef struct KubeHandle {
    CURL *easy;
    CURLM *multi;
    struct KubeHandle *next; /* free for the owner's lists */
    uint64_t epoch;          /* likewise                   */
    int64_t used_ms;         /* likewise: when it was last used, by clock_ms() */
} KubeHandle;

KubeHandle *kube_handle_new(void) __attribute__((__returns_nonnull__));

/* Closes its connections. Takes NULL. */
void kube_handle_free(KubeHandle *handle);
DEFINE_DEFER(KubeHandle *, defer_kube_handle, kube_handle_free)

typedef struct KubeTransfer {
    const KubeSink *sink; /* gets the body of a 2xx; NULL: it is kept in BODY like any other */
    int64_t timeout_ms;
    int stop_fd; /* readable: give up; 0: none */
    int end_fd;  /* readable: give up within END_MS; 0: none */
    int64_t end_ms;

    /* The answer: */
    bool whole; /* it came to its end */
    bool stopped;
    bool broke;     /* the connection did, or never came about           */
    bool untrusted; /* because one side did not accept the other's names */
    int64_t code;
    int64_t retry_after_ms; /* -1: not said */
    Text body;
    Text warnings;
    int64_t last_byte_ms;
    int64_t ends_ms; /* when it is given up, since end_fd is readable; 0: it is not */
    CURL *easy;
} KubeTransfer;

void kube_transfer_init(KubeTransfer *transfer);
void kube_transfer_done(KubeTransfer *transfer);

/* Everything else was set on HANDLE->easy before. ERROR_BUSY where no whole answer came,
 * ERROR_LIMIT where it was too large. */
int kube_transfer_run(KubeHandle *handle, KubeTransfer *transfer, Error *reterr) MUST_CHECK;

#endif

/* A thread that looks every few seconds whether certificate, secrets or templates were replaced,
 * and keeps the gauges. What cannot be used is logged once, and the old goes on. */
#ifndef REFRESHER_H
#define REFRESHER_H

#include "http_server.h"
#include "provisioner.h"
#include "secret_store.h"
#include "visit_queue.h"

typedef struct RefresherConfig {
    HttpServer *server; /* all are borrowed until refresher_join() */
    SecretStore *secrets;
    Provisioner *provisioner;
    VisitQueue *queue;
    const char *tls_cert; /* NULL both: plain HTTP */
    const char *tls_key;
} RefresherConfig;

typedef struct Refresher Refresher;

/* Opens the server with its certificate, then starts the thread. ERROR_INVALID for a certificate
 * that cannot be used. */
int refresher_start(const RefresherConfig *config, Refresher **ret_refresher, Error *reterr)
    MUST_CHECK;

/* After stop_request(). Takes NULL. */
void refresher_join(Refresher *refresher);

#endif

#include "refresher.h"

#include <pthread.h>

#include "alloc.h"
#include "audit.h"
#include "log.h"
#include "secret_file.h"
#include "stop.h"

enum { LOOK_MS = 1000, FILES_EVERY = 3 };

struct Refresher {
    RefresherConfig config;
    SecretFile certificate;
    SecretFile key;
    bool open_again;           /* the pair changed and is not shown yet */
    char told[ERROR_TEXT_MAX]; /* the last complaint, so that it is not repeated */
    pthread_t thread;
};

static int pair_read(Refresher *self, Error *reterr)
{
    bool certificate_changed = false;
    bool key_changed = false;

    if (secret_file_refresh(&self->certificate, &certificate_changed, reterr) < 0)
        return error_wrap(reterr, "--tls-cert");
    if (secret_file_refresh(&self->key, &key_changed, reterr) < 0)
        return error_wrap(reterr, "--tls-key");
    self->open_again = self->open_again || certificate_changed || key_changed;
    return 0;
}

/* Until certificate and key fit together again the old pair goes on. */
static int certificate_look(Refresher *self, bool *ret_changed, Error *reterr)
{
    HttpCertificate pair = {NULL, NULL};

    *ret_changed = false;
    if (self->config.tls_cert != NULL) {
        if (pair_read(self, reterr) < 0)
            return -1;
        pair = (HttpCertificate){self->certificate.secret.at, self->key.secret.at};
    }
    if (!self->open_again)
        return 0;
    if (http_server_open(self->config.server, &pair, reterr) < 0)
        return error_wrap(reterr, "%s", pair.certificate != NULL ? "--tls-cert" : "webhook");
    self->open_again = false;
    *ret_changed = true;
    return 0;
}

static void tell(Refresher *self, const char *kind, int r, bool changed, const Error *error)
{
    if (r == 0 && !changed)
        return;
    if (r == 0) {
        self->told[0] = '\0';
        audit_reload(kind, true);
        log_info("read again", KV("what", kind));
        return;
    }
    if (error->kind == ERROR_BUSY || text_eq(self->told, error->text))
        return; /* it comes about by itself, or was said */
    (void)snprintf(self->told, sizeof self->told, "%s", error->text);
    audit_reload(kind, false);
    log_warn("cannot be used; the old goes on", KV("what", kind), KV("error", error->text));
}

static void files_look(Refresher *self)
{
    bool changed = false;
    Error error;
    int r = secret_store_refresh(self->config.secrets, &changed, &error);

    tell(self, "secrets", r, changed, &error);
    r = certificate_look(self, &changed, &error);
    tell(self, "certificate", r, changed, &error);
    r = provisioner_load_templates(self->config.provisioner, &changed, &error);
    tell(self, "templates", r, changed, &error);
}

static void *run(void *context)
{
    Refresher *self = context;

    for (unsigned i = 1; !stop_wait_ms(LOOK_MS); i++) {
        const VisitQueueCounts counts = visit_queue_counts(self->config.queue);

        audit_set_gauges(&(AuditGauges){
            .connections = http_server_connections(self->config.server),
            .busy = counts.busy,
            .waiting = counts.waiting,
        });
        if (i % FILES_EVERY == 0)
            files_look(self);
    }
    return NULL;
}

static void refresher_free(Refresher *self)
{
    secret_file_done(&self->certificate);
    secret_file_done(&self->key);
    free(self);
}

int refresher_start(const RefresherConfig *config, Refresher **ret_refresher, Error *reterr)
{
    Refresher *self = xcalloc(1, sizeof *self);
    bool changed = false;

    self->config = *config;
    self->open_again = true;
    if (config->tls_cert != NULL) {
        secret_file_init(&self->certificate, config->tls_cert, false);
        secret_file_init(&self->key, config->tls_key, false);
    }
    if (certificate_look(self, &changed, reterr) < 0) {
        refresher_free(self);
        return -1;
    }
    int r = pthread_create(&self->thread, NULL, run, self);
    assert(r == 0);
    *ret_refresher = self;
    return 0;
}

void refresher_join(Refresher *refresher)
{
    if (refresher == NULL)
        return;
    (void)pthread_join(refresher->thread, NULL);
    refresher_free(refresher);
}

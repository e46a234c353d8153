/* A NATS connection that comes back whatever ended it.
 *
 * nats.c reconnects by itself, but it gives up for good when a server refuses the same
 * credentials twice, and it reads certificates once. So a thread of ours, the keeper, makes
 * the first connection and makes a new one whenever nats.c closed the old one or the
 * certificate files changed while nobody answered. */
#include "connection.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "alloc.h"
#include "backoff.h"
#include "clock.h"
#include "connection_options.h"

enum {
    RETIRED_MAX = 64,
    KEEPER_WAIT_MS = 500,
    KEEPER_WAIT_LAST_MS = 4000,
    /* Longer than any call takes that still holds a handle from before. */
    RETIRED_KEEP_MS = 5 * 60 * 1000,
    CLOSE_WAIT_MS = 5000,
};

typedef struct Retired {
    natsConnection *nc;
    int64_t since_ms;
} Retired;

/* Apart from the rest, so that a reader who may not change the connection can still lock it. */
typedef struct Guard {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* the keeper has work, or a callback ended */
} Guard;

struct NatsConnection {
    ConnectionOptions options;
    NatsWatcher watcher;
    pthread_t keeper;

    Guard *guard; /* its lock guards what follows */
    natsConnection *nc;
    uint64_t earlier_epochs; /* of the connections before nc */
    uint64_t files_stamp;    /* of the files that nc was made with */
    size_t open;             /* connections whose closed callback is still to come */
    bool stopping;
    bool closed; /* nats.c has given up on nc */
    char complaint[ERROR_TEXT_MAX];
    int64_t complaint_ms;
    Retired retired[RETIRED_MAX];
    size_t retired_count;
};

static void lock(const NatsConnection *self)
{
    (void)pthread_mutex_lock(&self->guard->lock);
}

static void unlock(const NatsConnection *self)
{
    (void)pthread_mutex_unlock(&self->guard->lock);
}

/* With the lock held: until WAKE, or for at most MS. */
static void wait_locked(NatsConnection *self, int64_t ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(&self->guard->wake, &self->guard->lock, &until);
}

static void complain_locked(NatsConnection *self, const char *text)
{
    (void)snprintf(self->complaint, sizeof self->complaint, "%s", text);
    self->complaint_ms = clock_ms();
}

/* cppcheck-suppress constParameter ; nats.c fixes the type */
static void on_disconnected(natsConnection *nc, void *context)
{
    NatsConnection *self = context;

    lock(self);
    bool current = self->nc == nc && !self->stopping;
    (void)pthread_cond_broadcast(&self->guard->wake);
    unlock(self);
    if (current && self->watcher.on_state != NULL)
        self->watcher.on_state(self->watcher.context, false);
}

/* cppcheck-suppress constParameter ; nats.c fixes the type */
static void on_reconnected(natsConnection *nc, void *context)
{
    NatsConnection *self = context;

    lock(self);
    bool current = self->nc == nc && !self->stopping;
    if (current)
        self->complaint[0] = '\0';
    unlock(self);
    if (current && self->watcher.on_state != NULL)
        self->watcher.on_state(self->watcher.context, true);
}

/* The last callback of a connection: nothing uses our memory for it any more. */
/* cppcheck-suppress constParameter ; nats.c fixes the type */
static void on_closed(natsConnection *nc, void *context)
{
    NatsConnection *self = context;

    lock(self);
    if (self->nc == nc)
        self->closed = true;
    assert(self->open > 0);
    self->open--;
    (void)pthread_cond_broadcast(&self->guard->wake);
    unlock(self);
}

static void on_error(natsConnection *nc, natsSubscription *subscription, natsStatus status,
                     void *context)
{
    NatsConnection *self = context;
    const char *text = NULL;

    (void)subscription;
    (void)natsConnection_GetLastError(nc, &text);
    if (text == NULL || text[0] == '\0')
        text = natsStatus_GetText(status);
    lock(self);
    complain_locked(self, text);
    unlock(self);
    if (status == NATS_NOT_PERMITTED && self->watcher.on_refused != NULL)
        self->watcher.on_refused(self->watcher.context, text);
}

static natsStatus set_callbacks(NatsConnection *self, natsOptions *options)
{
    natsStatus status = natsOptions_SetDisconnectedCB(options, on_disconnected, self);

    if (status == NATS_OK)
        status = natsOptions_SetReconnectedCB(options, on_reconnected, self);
    if (status == NATS_OK)
        status = natsOptions_SetClosedCB(options, on_closed, self);
    if (status == NATS_OK)
        status = natsOptions_SetErrorHandler(options, on_error, self);
    return status;
}

/* One attempt, without the lock. */
static natsStatus attempt(NatsConnection *self, natsConnection **ret_nc)
{
    DEFER(defer_nats_options) natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);

    if (status == NATS_OK)
        status = connection_options_apply(&self->options, options);
    if (status == NATS_OK)
        status = set_callbacks(self, options);
    if (status == NATS_OK)
        status = natsConnection_Connect(ret_nc, options);
    return status;
}

/* Why the last call of nats.c in this thread failed, in a form that people can act on. */
static void attempt_explain(natsStatus status, char ret_text[ERROR_TEXT_MAX])
{
    natsStatus last = status;
    const char *text = nats_GetLastError(&last);

    if (status == NATS_NO_SERVER)
        text = "no NATS server answers";
    else if (text != NULL && text[0] == '(' && strstr(text, "): ") != NULL)
        text = strstr(text, "): ") + strlen("): "); /* nats.c begins with its file and line */
    (void)snprintf(ret_text, ERROR_TEXT_MAX, "%s",
                   text != NULL && text[0] != '\0' ? text : natsStatus_GetText(status));
}

/* Makes the connection, or leaves the reason in the complaint. */
static natsStatus establish(NatsConnection *self)
{
    natsConnection *nc = NULL;
    uint64_t stamp = connection_options_stamp(&self->options);
    char why[ERROR_TEXT_MAX] = "";

    lock(self);
    self->open++; /* before it, since the callback may come at once */
    unlock(self);
    natsStatus status = attempt(self, &nc);
    if (status != NATS_OK)
        attempt_explain(status, why);

    lock(self);
    complain_locked(self, why);
    if (status == NATS_OK) {
        self->nc = nc;
        self->files_stamp = stamp;
        self->closed = natsConnection_IsClosed(nc);
        self->earlier_epochs++;
    } else {
        self->open--;
    }
    unlock(self);
    if (status == NATS_OK && self->watcher.on_state != NULL)
        self->watcher.on_state(self->watcher.context, true);
    return status;
}

static uint64_t reconnects(natsConnection *nc)
{
    natsStatistics *statistics = NULL;
    uint64_t count = 0;

    if (nc == NULL || natsStatistics_Create(&statistics) != NATS_OK)
        return 0;
    if (natsConnection_GetStats(nc, statistics) == NATS_OK)
        (void)natsStatistics_GetCounts(statistics, NULL, NULL, NULL, NULL, &count);
    natsStatistics_Destroy(statistics);
    return count;
}

/* Destroys those retired connections that nobody can be using any more; all when CLOSING. */
static void retired_sweep(NatsConnection *self, bool closing)
{
    natsConnection *due[RETIRED_MAX];
    size_t due_count = 0;
    size_t kept = 0;

    lock(self);
    for (size_t i = 0; i < self->retired_count; i++) {
        bool old = clock_ms() - self->retired[i].since_ms > RETIRED_KEEP_MS;

        if (closing || old || (i == 0 && self->retired_count == RETIRED_MAX))
            due[due_count++] = self->retired[i].nc;
        else
            self->retired[kept++] = self->retired[i];
    }
    self->retired_count = kept;
    unlock(self);
    for (size_t i = 0; i < due_count; i++)
        natsConnection_Destroy(due[i]);
}

/* Takes the current connection out of use. */
static void retire(NatsConnection *self)
{
    retired_sweep(self, false);
    lock(self);
    natsConnection *nc = self->nc;

    assert(self->retired_count < RETIRED_MAX);
    if (nc != NULL) {
        self->earlier_epochs += reconnects(nc);
        self->retired[self->retired_count++] = (Retired){nc, clock_ms()};
        self->nc = NULL;
        self->closed = false;
    }
    unlock(self);
    if (nc != NULL)
        natsConnection_Close(nc);
}

/* With the lock held: nc will not come back by itself. */
static bool is_hopeless(const NatsConnection *self)
{
    return self->closed || (natsConnection_Status(self->nc) != NATS_CONN_STATUS_CONNECTED &&
                            self->files_stamp != connection_options_stamp(&self->options));
}

static void *keeper_run(void *context)
{
    static const Backoff backoff = {KEEPER_WAIT_MS, KEEPER_WAIT_LAST_MS};
    NatsConnection *self = context;
    uint32_t failures = 0;

    lock(self);
    while (!self->stopping) {
        bool missing = self->nc == NULL;
        bool hopeless = !missing && is_hopeless(self);

        unlock(self);
        if (hopeless)
            retire(self);
        bool failed = (missing || hopeless) && establish(self) != NATS_OK;
        failures = failed ? failures + 1 : 0;
        lock(self);
        if (!self->stopping)
            wait_locked(self, backoff_delay_ms(&backoff, failures, random_u32()));
    }
    unlock(self);
    return NULL;
}

static void connection_free(NatsConnection *self)
{
    connection_options_done(&self->options);
    (void)pthread_cond_destroy(&self->guard->wake);
    (void)pthread_mutex_destroy(&self->guard->lock);
    free(self->guard);
    free(self);
}

DEFINE_DEFER(NatsConnection *, defer_connection_free, connection_free)

static NatsConnection *connection_new(void)
{
    NatsConnection *self = xcalloc(1, sizeof *self);
    pthread_condattr_t attributes;

    self->guard = xcalloc(1, sizeof *self->guard);
    (void)pthread_mutex_init(&self->guard->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&self->guard->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return self;
}

int nats_connect(const NatsSettings *settings, const char *name, const NatsWatcher *watcher,
                 NatsConnection **ret_connection, Error *reterr)
{
    DEFER(defer_connection_free) NatsConnection *self = connection_new();

    if (watcher != NULL)
        self->watcher = *watcher;
    if (connection_options_init(&self->options, settings, name, reterr) < 0)
        return -1;
    (void)establish(self); /* else the keeper goes on */
    if (pthread_create(&self->keeper, NULL, keeper_run, self) != 0) {
        retire(self);
        retired_sweep(self, true);
        return error_set(reterr, ERROR_BUSY, "cannot start a thread: %s", strerror(errno));
    }
    *ret_connection = TAKE(self);
    return 0;
}

void nats_disconnect(NatsConnection *self)
{
    if (self == NULL)
        return;
    lock(self);
    self->stopping = true;
    (void)pthread_cond_broadcast(&self->guard->wake);
    unlock(self);
    (void)pthread_join(self->keeper, NULL);
    retire(self);

    int64_t deadline = clock_ms() + CLOSE_WAIT_MS;
    lock(self);
    while (self->open > 0 && clock_ms() < deadline)
        wait_locked(self, deadline - clock_ms() > 0 ? deadline - clock_ms() : 1);
    bool quiet = self->open == 0;
    unlock(self);
    retired_sweep(self, true);
    /* A callback that hangs must still find its memory: better lost than freed under it. */
    if (quiet)
        connection_free(self);
}

bool nats_connected(const NatsConnection *self)
{
    lock(self);
    bool connected =
        self->nc != NULL && natsConnection_Status(self->nc) == NATS_CONN_STATUS_CONNECTED;
    unlock(self);
    return connected;
}

uint64_t nats_epoch(const NatsConnection *self)
{
    lock(self);
    uint64_t epoch = self->earlier_epochs + reconnects(self->nc);
    unlock(self);
    return epoch;
}

natsConnection *nats_handle(const NatsConnection *self)
{
    lock(self);
    natsConnection *nc = self->nc;
    unlock(self);
    return nc;
}

/* With the lock held: what nats.c, which tries on by itself, met last; NULL: nothing. */
static const char *met_last_locked(const NatsConnection *self)
{
    const char *text = NULL;

    if (self->nc == NULL || natsConnection_Status(self->nc) == NATS_CONN_STATUS_CONNECTED ||
        natsConnection_GetLastError(self->nc, &text) == NATS_OK)
        return NULL;
    return text;
}

void nats_last_complaint(const NatsConnection *self, char ret_text[ERROR_TEXT_MAX])
{
    if (!nats_connected(self) && connection_options_complaint(&self->options, ret_text))
        return;
    lock(self);
    const char *met = self->complaint[0] == '\0' ? met_last_locked(self) : NULL;
    (void)snprintf(ret_text, ERROR_TEXT_MAX, "%s", met != NULL ? met : self->complaint);
    unlock(self);
}

bool nats_refused(const NatsConnection *self, const char *subject, int64_t since_ms,
                  char ret_text[ERROR_TEXT_MAX])
{
    lock(self);
    bool refused = self->complaint_ms >= since_ms && strstr(self->complaint, subject) != NULL;
    (void)snprintf(ret_text, ERROR_TEXT_MAX, "%s", self->complaint);
    unlock(self);
    return refused;
}

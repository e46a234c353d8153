#include "capacity.h"

#include "api_request.h"
#include "clock.h"

/* A fleet that is being made must not ask twice for each stream. */
enum { FRESH_MS = 1000, NOT_OLD_MS = -1 };

void capacity_init(Capacity *self, NatsConnection *nats, Fleet *fleet)
{
    *self = (Capacity){.nats = nats, .fleet = fleet};
    (void)pthread_mutex_init(&self->lock, NULL);
}

void capacity_done(Capacity *self)
{
    cJSON_Delete(self->account);
    (void)pthread_mutex_destroy(&self->lock);
}

/* With the lock held: reads it again if it is older than MAX_AGE_MS. */
static void account_read(Capacity *self, int64_t max_age_ms)
{
    cJSON *account = NULL;
    Error ignored;

    if (self->read_ms != 0 && clock_ms() - self->read_ms <= max_age_ms)
        return;
    (void)!api_request(self->nats, NULL, &account, &ignored, "INFO");
    cJSON_Delete(self->account);
    self->account = account;
    self->read_ms = clock_ms();
}

/* Against what was read at most MAX_AGE_MS ago. */
static int check(Capacity *self, const Reservation *reservation, int64_t max_age_ms, Error *reterr)
{
    (void)pthread_mutex_lock(&self->lock);
    account_read(self, max_age_ms);
    int r = reservation_check(reservation, self->account, reterr);
    (void)pthread_mutex_unlock(&self->lock);
    return r;
}

int capacity_check(Capacity *self, const Reservation *reservation, const char *stream,
                   Error *reterr)
{
    /* Somebody may have made room since it was read. */
    if (!reservation_grows(reservation) || check(self, reservation, FRESH_MS, reterr) == 0 ||
        check(self, reservation, NOT_OLD_MS, reterr) == 0)
        return 0;
    return error_wrap(reterr, "stream %s", stream);
}

static void add_server(const Reservation *reservation, const ServerStore *server, Text *text)
{
    int64_t max = reservation->memory ? server->max_memory : server->max_file;
    int64_t reserved = reservation->memory ? server->reserved_memory : server->reserved_file;

    if (max < 0 || reserved < 0)
        return;
    text_add(text, ", ");
    reservation_quantity(max_i64(max - reserved, 0), text);
    text_add(text, " of ");
    reservation_quantity(max, text);
    text_addf(text, " are free on server %s", server->name);
}

static void explain_servers(Fleet *fleet, const Reservation *reservation, Error *error)
{
    DEFER(text_done) Text text = TEXT_MAX(ERROR_TEXT_MAX);
    ServerStore servers[COUNTS_SERVERS_MAX];
    size_t count = fleet_servers(fleet, servers);

    text_addf(&text, "%.256s; it needs ", error->text);
    reservation_quantity(reservation->bytes, &text);
    text_addf(&text, " of %s storage on %" PRId64 " server%s",
              reservation->memory ? "memory" : "file", reservation->replicas,
              reservation->replicas > 1 ? "s" : "");
    for (size_t i = 0; i < count; i++)
        add_server(reservation, &servers[i], &text);
    error_fill(error, error->kind, "%s", text_get(&text));
}

void capacity_explain(Capacity *self, const Reservation *reservation, const char *stream,
                      Error *error)
{
    Error account;

    if (reservation->bytes == 0)
        return;
    if (check(self, reservation, NOT_OLD_MS, &account) == 0) {
        explain_servers(self->fleet, reservation, error);
        return;
    }
    *error = account;
    (void)error_wrap(error, "stream %s", stream);
}

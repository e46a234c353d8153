#include "outbox_board.h"

#include "alloc.h"
#include "map.h"

enum {
    DATABASES_MAX = 64,
    INTERVALS_KEPT = 4,
    FIRST_WAIT_MS = 60000, /* a relay that runs has reported by then */
    AT_COMPARED = 19,      /* up to the seconds */
};

typedef struct Rows {
    RelayReportTenant numbers;
    int64_t heard_ms;
} Rows;

typedef struct Database {
    Map *rows; /* Rows, by tenant; who is not in it has none */
    char at[RELAY_AT_SIZE];
    int64_t heard_ms;
    int64_t interval_ms;
} Database;

struct OutboxBoard {
    OutboxChanged *changed;
    void *context;
    Map *databases; /* Database, by its name */
    int64_t born_ms;
    bool heard; /* anything, ever */
};

OutboxBoard *outbox_board_new(int64_t now_ms, OutboxChanged *changed, void *context)
{
    OutboxBoard *self = xcalloc(1, sizeof *self);

    *self = (OutboxBoard){.changed = changed, .context = context, .born_ms = now_ms};
    self->databases = map_new();
    return self;
}

static void database_free(Database *database)
{
    for (MapEntry *at = NULL; (at = map_next(database->rows, at)) != NULL;)
        free(map_value(at));
    map_free(database->rows);
    free(database);
}

void outbox_board_free(OutboxBoard *self)
{
    if (self == NULL)
        return;
    for (MapEntry *at = NULL; (at = map_next(self->databases, at)) != NULL;)
        database_free(map_value(at));
    map_free(self->databases);
    free(self);
}

static bool is_over(int64_t heard_ms, int64_t interval_ms, int64_t now_ms)
{
    return now_ms - heard_ms > INTERVALS_KEPT * interval_ms;
}

static Database *database_add(OutboxBoard *self, const char *name)
{
    Database *database = xcalloc(1, sizeof *database);

    database->rows = map_new();
    map_add(self->databases, name, database);
    return database;
}

static bool same_rows(const RelayReportTenant *a, const RelayReportTenant *b)
{
    return a->pending == b->pending && a->oldest_seconds == b->oldest_seconds && a->dead == b->dead;
}

static void put(const OutboxBoard *self, Database *database, const RelayReportTenant *tenant)
{
    Rows *rows = map_get(database->rows, tenant->id);

    if (rows == NULL) {
        rows = xcalloc(1, sizeof *rows);
        map_add(database->rows, tenant->id, rows);
    }
    bool same = same_rows(&rows->numbers, tenant);
    *rows = (Rows){.numbers = *tenant, .heard_ms = database->heard_ms};
    if (!same)
        self->changed(self->context, tenant->id);
}

static bool in_range(const RelayReport *report, const char *tenant_id)
{
    return strcmp(tenant_id, report->after) > 0 &&
           (report->through[0] == '\0' || strcmp(tenant_id, report->through) <= 0);
}

/* Forgets those that REPORT speaks of without listing them, and those that no report has spoken of
 * for too long. */
static void prune(const OutboxBoard *self, Database *database, const RelayReport *report)
{
    for (MapEntry *at = map_next(database->rows, NULL); at != NULL;) {
        const char *id = map_key(at);
        Rows *rows = map_value(at);
        bool told = rows->heard_ms == database->heard_ms;
        bool over = is_over(rows->heard_ms, database->interval_ms, database->heard_ms);

        at = map_next(database->rows, at);
        if (told || !(over || in_range(report, id)))
            continue;
        if (!same_rows(&rows->numbers, &(RelayReportTenant){0}))
            self->changed(self->context, id);
        (void)map_remove(database->rows, id);
        free(rows);
    }
}

/* Two messages of one look come within the same millisecond, or nearly: a time of its own for each
 * tells what this one has told. */
static int64_t next_heard(const Database *database, int64_t now_ms)
{
    return max_i64(now_ms, database->heard_ms + 1);
}

int outbox_board_add(OutboxBoard *self, const RelayReport *report, int64_t now_ms, Error *reterr)
{
    Database *database = map_get(self->databases, report->database);

    if (database == NULL && map_count(self->databases) == DATABASES_MAX)
        return error_set(reterr, ERROR_LIMIT, "more than %d databases report; '%s' is left out",
                         DATABASES_MAX, report->database);
    bool is_new = database == NULL;
    if (is_new)
        database = database_add(self, report->database);
    if (strncmp(report->at, database->at, AT_COMPARED) < 0)
        return 0;
    database->heard_ms = next_heard(database, now_ms);
    database->interval_ms = report->interval_ms;
    memcpy(database->at, report->at, sizeof database->at);
    self->heard = true;
    for (size_t i = 0; i < report->count; i++)
        put(self, database, &report->tenants[i]);
    prune(self, database, report);
    if (is_new)
        self->changed(self->context, NULL);
    return 0;
}

void outbox_board_expire(OutboxBoard *self, int64_t now_ms)
{
    for (MapEntry *at = map_next(self->databases, NULL); at != NULL;) {
        const char *name = map_key(at);
        Database *database = map_value(at);

        at = map_next(self->databases, at);
        if (!is_over(database->heard_ms, database->interval_ms, now_ms))
            continue;
        (void)map_remove(self->databases, name);
        database_free(database);
        self->changed(self->context, NULL);
    }
}

static void sum(OutboxNumbers *total, const Database *database, const char *tenant_id)
{
    const Rows *rows = map_get(database->rows, tenant_id);

    if (strcmp(database->at, total->at) > 0)
        memcpy(total->at, database->at, sizeof total->at);
    if (rows == NULL)
        return;
    total->pending += rows->numbers.pending;
    total->dead += rows->numbers.dead;
    total->oldest_seconds = max_i64(total->oldest_seconds, rows->numbers.oldest_seconds);
}

OutboxKnown outbox_board_find(const OutboxBoard *self, const char *tenant_id, int64_t now_ms,
                              OutboxNumbers *ret_numbers)
{
    OutboxNumbers total = {0};

    if (map_count(self->databases) == 0)
        return self->heard || now_ms - self->born_ms > FIRST_WAIT_MS ? OUTBOX_UNREPORTED
                                                                     : OUTBOX_UNKNOWN;
    for (MapEntry *at = NULL; (at = map_next(self->databases, at)) != NULL;)
        sum(&total, map_value(at), tenant_id);
    *ret_numbers = total;
    return OUTBOX_REPORTED;
}

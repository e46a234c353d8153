#include "settle_apart.h"

#include "clock.h"

bool refused_has(const Refused *refused, int64_t id, int64_t now_ms)
{
    for (size_t i = 0; i < REFUSED_MAX; i++) {
        if (refused->ids[i] == id && now_ms < refused->until_ms[i])
            return true;
    }
    return false;
}

static void refused_add(Refused *refused, int64_t id)
{
    refused->ids[refused->next] = id;
    refused->until_ms[refused->next] = clock_ms() + REFUSED_MS;
    refused->next = (refused->next + 1) % REFUSED_MAX;
}

typedef struct Apart {
    Postgres *postgres;
    Params *params;
    OnPublished on_published;
    Refused *refused;
} Apart;

static void settle_row(const Apart *apart, int64_t id, const Settlement *row)
{
    Part part = {.postgres = apart->postgres};
    Error error;

    if (!postgres_is_open(apart->postgres))
        return;
    if (part_begin(&part, &error) == 0 &&
        settle_add(&part, apart->params, row, apart->on_published, &error) == 0 &&
        part_send(&part, &error) == 0 && part_end(&part, &error) == 0)
        return;
    refused_add(apart->refused, id);
    if (part_end(&part, &error) < 0) /* what is left of it */
        postgres_close(apart->postgres);
}

static void settle_ids(const Apart *apart, const FlightIds *ids)
{
    for (size_t i = 0; i < ids->count; i++)
        settle_row(apart, ids->at[i], &(Settlement){.late = {&ids->at[i], 1}});
}

void settle_apart(Postgres *postgres, Params *params, const Settlement *settlement,
                  OnPublished on_published, Refused *refused)
{
    const Apart apart = {postgres, params, on_published, refused};

    settle_ids(&apart, &settlement->stored);
    settle_ids(&apart, &settlement->late);
    for (size_t i = 0; i < settlement->retry.count; i++)
        settle_row(&apart, settlement->retry.at[i].id,
                   &(Settlement){.retry = {&settlement->retry.at[i], 1}});
    for (size_t i = 0; i < settlement->bury.count; i++)
        settle_row(&apart, settlement->bury.at[i].id,
                   &(Settlement){.bury = {&settlement->bury.at[i], 1}});
}

#include "tenant_fields.h"

static const FieldWord isolation_words[] = {{"Stream", "Stream", 0}, {0}};
static const FieldWord mode_words[] = {
    {"Enforce", "Enforce", 0}, {"Observe", "Observe", 0}, {"Suspend", "Suspend", 0}, {0}};
static const FieldWord deletion_words[] = {{"Retain", "Retain", 0}, {"Delete", "Delete", 0}, {0}};
static const FieldWord adoption_words[] = {{"Refuse", "Refuse", 0}, {"Adopt", "Adopt", 0}, {0}};
static const FieldWord event_words[] = {
    {"Single", "Single", 0}, {"MultiToken", "MultiToken", 0}, {0}};
static const FieldWord ordering_words[] = {{"None", "None", 0}, {"Key", "Key", 0}, {0}};
static const FieldWord dead_words[] = {{"Continue", "Continue", 0}, {"Block", "Block", 0}, {0}};

/* clang-format off */
static const Field rows[] = {
/*   path, name in the settings, type, change, default, level, min, max, words */
    {"isolation", "isolation", FIELD_ENUM, FIELD_LIVE, "Stream", 0, 0, 0, isolation_words},
    {"mode", "mode", FIELD_ENUM, FIELD_LIVE, "Enforce", 0, 0, 0, mode_words},
    {"deletionPolicy", "deletion_policy", FIELD_ENUM, FIELD_LIVE, "Retain", 0, 0, 0,
     deletion_words},
    {"stream.adoption", "adoption", FIELD_ENUM, FIELD_LIVE, "Refuse", 0, 0, 0, adoption_words},
    {"stream.eventTypes", "event_types", FIELD_ENUM, FIELD_LIVE, "Single", 0, 0, 0, event_words},
    {"limits.eventsPerSecond", "events_per_second", FIELD_INT, FIELD_LIVE, "0", 0, 1, 1000000,
     NULL},
    {"limits.burst", "burst", FIELD_INT, FIELD_LIVE, "0", 0, 1, 10000000, NULL},
    {"limits.maxConsumers", "max_consumers", FIELD_INT, FIELD_LIVE, "-1", 0, 1, 10000, NULL},
    {"relay.weight", "weight", FIELD_INT, FIELD_LIVE, "1", 0, 1, 100, NULL},
    {"relay.ordering", "ordering", FIELD_ENUM, FIELD_LIVE, "None", 0, 0, 0, ordering_words},
    {"relay.onDead", "on_dead", FIELD_ENUM, FIELD_LIVE, "Continue", 0, 0, 0, dead_words},
    {"slo.objective", "objective", FIELD_TEXT, FIELD_LIVE, "", 0, 1, 8, NULL},
    {"slo.latency", "latency", FIELD_DURATION, FIELD_LIVE, "0s", 0, FIELD_MS,
     FIELD_SECOND * 86400, NULL},
    {"slo.maxLag", "max_lag", FIELD_INT, FIELD_LIVE, NULL, 0, 0, FIELD_INT_MAX, NULL},
};
/* clang-format on */

const FieldTable tenant_fields = {rows, ARRAY_SIZE(rows)};

#include "reservation.h"

enum { TEXT_SIZE = 256, PATH_SIZE = 64 };

Reservation reservation_of(const cJSON *desired, const cJSON *observed)
{
    return (Reservation){
        .memory = text_eq(json_text(desired, "storage", ""), "memory"),
        .bytes = max_i64(json_int(desired, "max_bytes", 0), 0),
        .replicas = max_i64(json_int(desired, "num_replicas", 1), 1),
        .before = max_i64(json_int(observed, "max_bytes", 0), 0),
        .before_replicas = observed != NULL ? max_i64(json_int(observed, "num_replicas", 1), 1) : 0,
    };
}

/* No stream has more than 2^53 bytes, and five replicas at the most. */
static int64_t total(const Reservation *self)
{
    return self->bytes * self->replicas;
}

static int64_t total_before(const Reservation *self)
{
    return self->before * self->before_replicas;
}

bool reservation_grows(const Reservation *self)
{
    return self->bytes > 0 && total(self) > total_before(self);
}

void reservation_quantity(int64_t bytes, Text *text)
{
    static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi"};
    int64_t scale = 1;
    size_t unit = 0;

    while (unit + 1 < ARRAY_SIZE(units) && bytes / scale >= 1024) {
        scale *= 1024;
        unit++;
    }
    text_addf(text, "%" PRId64, bytes / scale);
    if (bytes % scale * 10 / scale != 0)
        text_addf(text, ".%" PRId64, bytes % scale * 10 / scale);
    text_add(text, units[unit]);
}

/* An account has one limit, which every replica counts against, or one for each number of replicas,
 * into which they are reckoned already. */
typedef struct Budget {
    int64_t limit; /* -1: none */
    int64_t reserved;
    int64_t needed;
    int64_t before;
} Budget;

static Budget budget_of(const Reservation *self, const cJSON *account)
{
    char tier[PATH_SIZE];

    (void)snprintf(tier, sizeof tier, "tiers.R%" PRId64, self->replicas);
    const cJSON *tiered = json_at(account, tier);
    const cJSON *budget = tiered != NULL ? tiered : account;
    bool same_tier = self->before_replicas == self->replicas;

    return (Budget){
        .limit = json_int(budget, self->memory ? "limits.max_memory" : "limits.max_storage", -1),
        .reserved = json_int(budget, self->memory ? "reserved_memory" : "reserved_storage", 0),
        .needed = tiered != NULL ? self->bytes : total(self),
        .before = tiered == NULL ? total_before(self)
                  : same_tier    ? self->before
                                 : 0,
    };
}

int reservation_check(const Reservation *self, const cJSON *account, Error *reterr)
{
    Budget budget = budget_of(self, account);
    int64_t left = max_i64(budget.limit - budget.reserved + budget.before, 0);
    DEFER(text_done) Text needs = TEXT_MAX(TEXT_SIZE);
    DEFER(text_done) Text has = TEXT_MAX(TEXT_SIZE);

    if (budget.limit < 0 || !reservation_grows(self) || budget.needed <= left)
        return 0;
    reservation_quantity(budget.needed, &needs);
    if (self->replicas > 1 && budget.needed > self->bytes)
        text_addf(&needs, " (%" PRId64 " replicas)", self->replicas);
    reservation_quantity(left, &has);
    text_add(&has, " of ");
    reservation_quantity(budget.limit, &has);
    return error_set(reterr, ERROR_LIMIT,
                     "needs %s of %s storage, %s are free in the NATS account; lower "
                     "spec.stream.maxBytes, or raise the account's limit",
                     text_get(&needs), self->memory ? "memory" : "file", text_get(&has));
}

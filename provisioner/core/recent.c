#include "recent.h"

#include "digest.h"

static RecentEntry entry_of(const char *key)
{
    char digest[DIGEST_TEXT_SIZE];
    char half[17];
    RecentEntry entry = {0};

    digest_text(key, strlen(key), digest);
    (void)snprintf(half, sizeof half, "%.16s", digest);
    entry.key = strtoull(half, NULL, 16);
    (void)snprintf(half, sizeof half, "%.16s", digest + 16);
    entry.check = strtoull(half, NULL, 16);
    return entry;
}

static bool same_key(const RecentEntry *a, const RecentEntry *b)
{
    return a->key == b->key && a->check == b->check;
}

bool recent_find(const Recent *recent, const char *key, int64_t now_ms, uint64_t *ret_value)
{
    const RecentEntry wanted = entry_of(key);
    const RecentEntry *set = recent->entries[wanted.key % RECENT_SETS];

    for (size_t i = 0; i < RECENT_WAYS; i++) {
        if (set[i].until_ms > now_ms && same_key(&set[i], &wanted)) {
            *ret_value = set[i].value;
            return true;
        }
    }
    return false;
}

void recent_put(Recent *recent, const char *key, uint64_t value, int64_t until_ms)
{
    RecentEntry entry = entry_of(key);
    RecentEntry *set = recent->entries[entry.key % RECENT_SETS];
    RecentEntry *place = &set[0];

    for (size_t i = 0; i < RECENT_WAYS; i++) {
        if (same_key(&set[i], &entry)) {
            place = &set[i];
            break;
        }
        if (set[i].until_ms < place->until_ms)
            place = &set[i];
    }
    entry.value = value;
    entry.until_ms = until_ms;
    *place = entry;
}

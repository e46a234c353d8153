#include "rate_limit.h"

enum { TOKEN = 1000, PASSED_MS_MAX = 3600 * 1000 };

/* FNV-1a, from a start that nobody outside knows. Never 0. */
static uint64_t hash(uint64_t seed, const char *text)
{
    uint64_t sum = seed ^ UINT64_C(14695981039346656037);

    for (; *text != '\0'; text++)
        sum = (sum ^ (unsigned char)*text) * UINT64_C(1099511628211);
    sum ^= sum >> 32;
    return sum != 0 ? sum : 1;
}

static RateBucket *bucket_of(RateLimit *limit, const char *source, int64_t now_ms)
{
    uint64_t key = hash(limit->seed, source);
    RateBucket *set = limit->buckets[key % RATE_SETS];
    RateBucket *oldest = &set[0];

    for (size_t i = 0; i < RATE_WAYS; i++) {
        if (set[i].source == key)
            return &set[i];
        if (set[i].source == 0 || set[i].seen_ms < oldest->seen_ms)
            oldest = &set[i];
    }
    *oldest = (RateBucket){.source = key, .thousandths = limit->burst * TOKEN, .seen_ms = now_ms};
    return oldest;
}

bool rate_limit_take(RateLimit *limit, const char *source, int64_t now_ms, int64_t *ret_wait_ms)
{
    if (limit->per_second <= 0)
        return true;
    RateBucket *bucket = bucket_of(limit, source, now_ms);
    int64_t passed_ms = min_i64(max_i64(0, now_ms - bucket->seen_ms), PASSED_MS_MAX);

    bucket->thousandths =
        min_i64(limit->burst * TOKEN, bucket->thousandths + passed_ms * limit->per_second);
    bucket->seen_ms = max_i64(bucket->seen_ms, now_ms);
    if (bucket->thousandths >= TOKEN) {
        bucket->thousandths -= TOKEN;
        return true;
    }
    *ret_wait_ms = (TOKEN - bucket->thousandths + limit->per_second - 1) / limit->per_second;
    return false;
}

#include "seen_events.h"

static uint64_t content_of(const Event *event)
{
    char half[17];

    (void)snprintf(half, sizeof half, "%.16s", event->digest);
    return strtoull(half, NULL, 16);
}

bool seen_other_content(const SeenEvents *seen, const Event *event, int64_t now_ms)
{
    uint64_t content = 0;

    return recent_find(&seen->contents, event->id, now_ms, &content) &&
           content != content_of(event);
}

bool seen_deletion_since(const SeenEvents *seen, const Event *event, int64_t now_ms)
{
    uint64_t deleted_ms = 0;

    return recent_find(&seen->deletions, event->tenant, now_ms, &deleted_ms) &&
           event->time_ms <= (int64_t)deleted_ms;
}

void seen_add(SeenEvents *seen, const Event *event, bool gone, int64_t until_ms)
{
    recent_put(&seen->contents, event->id, content_of(event), until_ms);
    if (gone)
        recent_put(&seen->deletions, event->tenant, (uint64_t)event->time_ms, until_ms);
}

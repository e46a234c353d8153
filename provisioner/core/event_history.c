#include "event_history.h"

#include "units.h"

/* One letter a kind, in the order of EventKind. */
static const char kind_letters[] = "cusrd";

EventRecord event_record(const Event *event)
{
    EventRecord record = {.kind = event->kind, .time_ms = event->time_ms};
    char id_digest[DIGEST_TEXT_SIZE];

    assert(event->kind < EVENT_KINDS);
    digest_text(event->id, strlen(event->id), id_digest);
    (void)snprintf(record.id, sizeof record.id, "%.16s", id_digest);
    (void)snprintf(record.digest, sizeof record.digest, "%.32s", event->digest);
    return record;
}

bool event_says_content(EventKind kind)
{
    return kind == EVENT_CREATED || kind == EVENT_UPDATED;
}

bool event_says_state(EventKind kind)
{
    return kind != EVENT_UPDATED;
}

/* COUNT hexadecimal digits and a ':' at AT, into RET. */
static bool digits_read(const char *at, size_t count, char *ret)
{
    if (strspn(at, "0123456789abcdef") != count || at[count] != ':')
        return false;
    memcpy(ret, at, count);
    ret[count] = '\0';
    return true;
}

static bool record_read(const char *at, size_t length, EventRecord *ret_record)
{
    const size_t id = HISTORY_ID_SIZE - 1;
    const size_t digest = HISTORY_DIGEST_SIZE - 1;
    const size_t kind = id + 1 + digest + 1;
    const size_t time = kind + 1;
    char digits[24];
    Error ignored;

    if (length <= time || length - time >= sizeof digits || !digits_read(at, id, ret_record->id) ||
        !digits_read(at + id + 1, digest, ret_record->digest) ||
        strchr(kind_letters, at[kind]) == NULL)
        return false;
    ret_record->kind = (EventKind)(strchr(kind_letters, at[kind]) - kind_letters);
    memcpy(digits, at + time, length - time);
    digits[length - time] = '\0';
    return count_parse(digits, 0, INT64_MAX, &ret_record->time_ms, &ignored) == 0;
}

void event_history_parse(const char *text, EventHistory *ret_history)
{
    *ret_history = (EventHistory){0};
    if (text == NULL)
        return;
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        EventRecord record;

        if (record_read(text, length, &record))
            event_history_add(ret_history, &record);
        text += length + (text[length] == ' ' ? 1 : 0);
    }
}

const EventRecord *event_history_find(const EventHistory *history, const EventRecord *record)
{
    for (size_t i = 0; i < history->count; i++) {
        if (text_eq(history->records[i].id, record->id))
            return &history->records[i];
    }
    return NULL;
}

bool event_history_content_is_new(const EventHistory *history, const EventRecord *record)
{
    for (size_t i = 0; i < history->count; i++) {
        if (event_says_content(history->records[i].kind) &&
            history->records[i].time_ms > record->time_ms)
            return false;
    }
    return true;
}

bool event_history_state_is_new(const EventHistory *history, const EventRecord *record)
{
    for (size_t i = 0; i < history->count; i++) {
        if (event_says_state(history->records[i].kind) &&
            history->records[i].time_ms > record->time_ms)
            return false;
    }
    return true;
}

void event_history_add(EventHistory *history, const EventRecord *record)
{
    if (history->count == HISTORY_MAX) {
        memmove(history->records, history->records + 1,
                (HISTORY_MAX - 1) * sizeof history->records[0]);
        history->count--;
    }
    history->records[history->count++] = *record;
}

void event_history_write(const EventHistory *history, Text *text)
{
    for (size_t i = 0; i < history->count; i++)
        text_addf(text, "%s%s:%s:%c%" PRId64, i > 0 ? " " : "", history->records[i].id,
                  history->records[i].digest, kind_letters[history->records[i].kind],
                  history->records[i].time_ms);
}

#include "event_series.h"

#include "alloc.h"
#include "map.h"
#include "text.h"

enum { SERIES_FROM = 2, KEY_MAX = 4096 };

struct EventBook {
    Map *series;      /* EventSeries by key */
    EventSeries lone; /* the last one that found no room */
};

EventBook *event_book_new(void)
{
    EventBook *book = xcalloc(1, sizeof *book);

    book->series = map_new();
    return book;
}

static void series_free(EventSeries *series)
{
    cJSON_Delete(series->object);
    free(series);
}

void event_book_free(EventBook *book)
{
    if (book == NULL)
        return;
    for (MapEntry *entry = map_next(book->series, NULL); entry != NULL;
         entry = map_next(book->series, entry))
        series_free(map_value(entry));
    map_free(book->series);
    cJSON_Delete(book->lone.object);
    free(book);
}

/* What makes two Events the same. Not the note: the first one's stays. */
static char *key_of(const cJSON *event)
{
    static const char *const members[] = {
        "type",
        "action",
        "reason",
        "reportingController",
        "reportingInstance",
        "regarding.kind",
        "regarding.namespace",
        "regarding.name",
        "regarding.uid",
    };
    Text key = TEXT_MAX(KEY_MAX);

    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        text_addf(&key, "%s\n", json_text(event, members[i], ""));
    return text_take(&key);
}

/* The series of KEY, made where there is none and still room. */
static EventSeries *series_of(EventBook *book, const char *key)
{
    EventSeries *series = map_get(book->series, key);

    if (series == NULL && map_count(book->series) == EVENT_SERIES_MAX) {
        cJSON_Delete(book->lone.object);
        book->lone = (EventSeries){0};
        return &book->lone;
    }
    if (series == NULL) {
        series = xcalloc(1, sizeof *series);
        map_add(book->series, key, series);
    }
    return series;
}

static void series_add(EventSeries *series, cJSON *event, int64_t now_ms)
{
    series->count++;
    series->seen_ms = now_ms;
    if (series->object == NULL) {
        series->object = event;
        return;
    }
    cJSON *more = cJSON_CreateObject();

    json_set_int(more, "count", series->count);
    json_set_text(more, "lastObservedTime", json_text(event, "eventTime", ""));
    json_set(series->object, "series", more);
    cJSON_Delete(event);
}

static bool is_over(const EventSeries *series, int64_t now_ms)
{
    return now_ms - series->seen_ms >= EVENT_SERIES_END_MS;
}

EventSeries *event_book_add(EventBook *book, cJSON *event, int64_t now_ms)
{
    DEFER(defer_free) char *key = key_of(event);
    EventSeries *series = series_of(book, key);

    if (series->object != NULL && is_over(series, now_ms)) {
        assert(series->told == series->count);
        cJSON_Delete(series->object);
        *series = (EventSeries){0};
    }
    series_add(series, event, now_ms);
    return series->count <= SERIES_FROM ? series : NULL;
}

EventSeries *event_book_due(EventBook *book, int64_t now_ms, bool closing)
{
    for (MapEntry *entry = map_next(book->series, NULL); entry != NULL;
         entry = map_next(book->series, entry)) {
        EventSeries *series = map_value(entry);
        bool due =
            closing || is_over(series, now_ms) || now_ms - series->told_ms >= EVENT_SERIES_TELL_MS;

        if (due && series->told < series->count)
            return series;
    }
    return NULL;
}

void event_series_told(EventSeries *series, int64_t now_ms)
{
    series->told = series->count;
    series->told_ms = now_ms;
}

void event_book_tidy(EventBook *book, int64_t now_ms)
{
    MapEntry *next = map_next(book->series, NULL);

    while (next != NULL) {
        EventSeries *series = map_value(next);
        const char *key = map_key(next);

        next = map_next(book->series, next);
        if (is_over(series, now_ms) && series->told == series->count) {
            (void)map_remove(book->series, key);
            series_free(series);
        }
    }
}

size_t event_book_count(const EventBook *book)
{
    return map_count(book->series);
}

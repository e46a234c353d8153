#include "alloc.h"
#include "event_series.h"
#include "walk.h"

enum { MINUTE_MS = 60 * 1000, OVER_MS = EVENT_SERIES_END_MS, SEEDS = 100, STEPS = 300, KINDS = 5 };

static cJSON *happened(const char *tenant, const char *reason, const char *time)
{
    DEFER(defer_free)
    char *text = xasprintf("{\"type\":\"Normal\",\"action\":\"Reconcile\",\"reason\":\"%s\","
                           "\"eventTime\":\"%s\",\"note\":\"%s\",\"metadata\":{\"name\":\"%s\"},"
                           "\"regarding\":{\"kind\":\"Tenant\",\"name\":\"%s\"}}",
                           reason, time, time, time, tenant);
    cJSON *event = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &event, &error), 0);
    return event;
}

#define BOOK_TEST(name)                                                                            \
    static void name##_in(EventBook *book);                                                        \
    TEST(name)                                                                                     \
    {                                                                                              \
        DEFER(defer_event_book) EventBook *book = event_book_new();                                \
        name##_in(book);                                                                           \
    }                                                                                              \
    static void name##_in(EventBook *book)

/* It has to be told now, and is. */
static const EventSeries *told(EventSeries *series, int64_t now_ms, int64_t count)
{
    assert_non_null(series);
    assert_int_equal(series->count, count);
    event_series_told(series, now_ms);
    return series;
}

BOOK_TEST(the_first_stands_alone_and_the_second_makes_a_series)
{
    const EventSeries *one = told(event_book_add(book, happened("a", "R", "t1"), 0), 0, 1);

    assert_null(json_at(one->object, "series"));
    const EventSeries *two = told(event_book_add(book, happened("a", "R", "t2"), 9), 9, 2);
    assert_ptr_equal(one, two);
    assert_string_equal(json_text(two->object, "metadata.name", ""), "t1");
    assert_string_equal(json_text(two->object, "note", ""), "t1");
    assert_int_equal(json_int(two->object, "series.count", 0), 2);
    assert_string_equal(json_text(two->object, "series.lastObservedTime", ""), "t2");
}

BOOK_TEST(what_differs_in_object_or_reason_is_another_event)
{
    (void)told(event_book_add(book, happened("a", "R", "t1"), 0), 0, 1);
    (void)told(event_book_add(book, happened("b", "R", "t1"), 0), 0, 1);
    (void)told(event_book_add(book, happened("a", "S", "t1"), 0), 0, 1);
    assert_int_equal(event_book_count(book), 3);
}

BOOK_TEST(a_count_that_grows_is_told_every_half_hour)
{
    int64_t now_ms = 0;

    (void)told(event_book_add(book, happened("a", "R", "t"), 0), 0, 1);
    (void)told(event_book_add(book, happened("a", "R", "t"), 0), 0, 2);
    for (int i = 3; i <= 31; i++) {
        now_ms += MINUTE_MS;
        assert_null(event_book_due(book, now_ms, false));
        assert_null(event_book_add(book, happened("a", "R", "t"), now_ms));
    }
    now_ms += MINUTE_MS;
    const EventSeries *series = told(event_book_due(book, now_ms, false), now_ms, 31);
    assert_int_equal(json_int(series->object, "series.count", 0), 31);
    assert_null(event_book_due(book, now_ms, false));
}

BOOK_TEST(a_series_that_is_silent_ends_with_its_last_count_told)
{
    for (int i = 1; i <= 2; i++)
        (void)told(event_book_add(book, happened("a", "R", "t"), 0), 0, i);
    assert_null(event_book_add(book, happened("a", "R", "t"), 0));
    event_book_tidy(book, OVER_MS);
    assert_int_equal(event_book_count(book), 1); /* not before the last count is told */
    assert_null(event_book_due(book, OVER_MS - 1, false));
    (void)told(event_book_due(book, OVER_MS, false), OVER_MS, 3);
    event_book_tidy(book, OVER_MS);
    assert_int_equal(event_book_count(book), 0);
    (void)told(event_book_add(book, happened("a", "R", "new"), OVER_MS), OVER_MS, 1);
}

BOOK_TEST(what_happens_after_the_silence_is_a_new_event_even_untidied)
{
    (void)told(event_book_add(book, happened("a", "R", "t1"), 0), 0, 1);
    const EventSeries *series =
        told(event_book_add(book, happened("a", "R", "t2"), OVER_MS), OVER_MS, 1);
    assert_string_equal(json_text(series->object, "metadata.name", ""), "t2");
}

BOOK_TEST(at_the_end_every_count_is_told)
{
    for (int i = 1; i <= 2; i++)
        (void)told(event_book_add(book, happened("a", "R", "t"), 0), 0, i);
    assert_null(event_book_add(book, happened("a", "R", "t"), 0));
    assert_null(event_book_due(book, 1, false));
    (void)told(event_book_due(book, 1, true), 1, 3);
    assert_null(event_book_due(book, 1, true));
}

BOOK_TEST(a_full_book_lets_events_stand_alone)
{
    char name[32];

    for (int i = 0; i < EVENT_SERIES_MAX; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        (void)told(event_book_add(book, happened(name, "R", "t"), 0), 0, 1);
    }
    for (int i = 0; i < 3; i++) {
        const EventSeries *lone = told(event_book_add(book, happened("more", "R", "t"), 0), 0, 1);

        assert_null(json_at(lone->object, "series"));
    }
    assert_int_equal(event_book_count(book), EVENT_SERIES_MAX);
    (void)told(event_book_add(book, happened("t7", "R", "t"), 0), 0, 2);
    event_book_tidy(book, OVER_MS);
    assert_int_equal(event_book_count(book), 0);
}

/* What the API server has heard: of each kind the Events created, and the count of the last. */
typedef struct Heard {
    int64_t happened;
    int64_t ended; /* the counts of series before the last one */
    int64_t last;
} Heard;

static void hear(Heard *all, EventSeries *series, int64_t now_ms)
{
    Heard *heard = &all[json_text(series->object, "regarding.name", "0")[0] - '0'];

    if (series->told == 0) {
        heard->ended += heard->last;
        heard->last = 0;
    }
    heard->last = json_int(series->object, "series.count", 1);
    event_series_told(series, now_ms);
}

static void walk_step(Walk *walk, EventBook *book, Heard *heard, int64_t *now_ms)
{
    char name[2] = {(char)('0' + walk_roll(walk, KINDS)), '\0'};
    EventSeries *series;

    *now_ms += walk_roll(walk, walk_roll(walk, 10) == 0 ? 40 * MINUTE_MS : MINUTE_MS);
    while ((series = event_book_due(book, *now_ms, false)) != NULL)
        hear(heard, series, *now_ms);
    if (walk_roll(walk, 2) == 0)
        event_book_tidy(book, *now_ms);
    heard[name[0] - '0'].happened++;
    series = event_book_add(book, happened(name, "R", "t"), *now_ms);
    if (series != NULL)
        hear(heard, series, *now_ms);
}

TEST(in_the_end_everything_that_happened_was_counted_once)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        DEFER(defer_event_book) EventBook *book = event_book_new();
        Walk walk = walk_start(seed);
        Heard heard[KINDS] = {0};
        EventSeries *series;
        int64_t now_ms = 0;

        for (walk.step = 0; walk.step < STEPS; walk.step++)
            walk_step(&walk, book, heard, &now_ms);
        while ((series = event_book_due(book, now_ms, true)) != NULL)
            hear(heard, series, now_ms);
        for (int i = 0; i < KINDS; i++)
            WALK_HOLDS(&walk, heard[i].ended + heard[i].last == heard[i].happened);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_stands_alone_and_the_second_makes_a_series),
        cmocka_unit_test(what_differs_in_object_or_reason_is_another_event),
        cmocka_unit_test(a_count_that_grows_is_told_every_half_hour),
        cmocka_unit_test(a_series_that_is_silent_ends_with_its_last_count_told),
        cmocka_unit_test(what_happens_after_the_silence_is_a_new_event_even_untidied),
        cmocka_unit_test(at_the_end_every_count_is_told),
        cmocka_unit_test(a_full_book_lets_events_stand_alone),
        cmocka_unit_test(in_the_end_everything_that_happened_was_counted_once),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

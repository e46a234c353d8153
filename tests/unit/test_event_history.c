#include "event_history.h"
#include "unit.h"

static EventRecord record_of(EventKind kind, const char *id, int64_t time_ms)
{
    Event event = {.kind = kind, .time_ms = time_ms};

    (void)snprintf(event.id, sizeof event.id, "%s", id);
    digest_text(id, strlen(id), event.digest);
    return event_record(&event);
}

TEST(what_was_written_is_read_back)
{
    DEFER(text_done) Text text = TEXT_MAX(4096);
    DEFER(text_done) Text again = TEXT_MAX(4096);
    EventHistory history = {0};
    const EventRecord first = record_of(EVENT_CREATED, "one", 1);
    const EventRecord second = record_of(EVENT_SUSPENDED, "two", INT64_C(1795435200000));

    event_history_add(&history, &first);
    event_history_add(&history, &second);
    event_history_write(&history, &text);
    event_history_parse(text_get(&text), &history);
    assert_int_equal(history.count, 2);
    assert_int_equal(history.records[1].kind, EVENT_SUSPENDED);
    event_history_write(&history, &again);
    assert_string_equal(text_get(&again), text_get(&text));
    assert_non_null(event_history_find(&history, &first));
    const EventRecord other = record_of(EVENT_CREATED, "three", 1);
    assert_null(event_history_find(&history, &other));
}

TEST(the_last_sixteen_are_kept)
{
    EventHistory history = {0};
    char id[16];

    for (int i = 0; i < 20; i++) {
        (void)snprintf(id, sizeof id, "%d", i);
        const EventRecord record = record_of(EVENT_UPDATED, id, i);
        event_history_add(&history, &record);
    }
    assert_int_equal(history.count, HISTORY_MAX);
    const EventRecord gone = record_of(EVENT_UPDATED, "3", 3);
    const EventRecord kept = record_of(EVENT_UPDATED, "4", 4);
    assert_null(event_history_find(&history, &gone));
    assert_non_null(event_history_find(&history, &kept));
}

TEST(what_someone_else_wrote_there_is_left_out)
{
    static const char *const texts[] = {
        "",
        "   ",
        "nonsense",
        "0123456789abcdef:0123456789abcdef0123456789abcdef",
        "0123456789abcdef:0123456789abcdef0123456789abcdef:",
        "0123456789abcdef:0123456789abcdef0123456789abcdef:c",
        "0123456789abcdef:0123456789abcdef0123456789abcdef:x1",
        "0123456789abcdef:0123456789abcdef0123456789abcdef:c-1",
        "0123456789abcdef:0123456789abcdef0123456789abcdef:c99999999999999999999",
        "0123456789ABCDEF:0123456789abcdef0123456789abcdef:c1",
        "0123456789abcdef:0123456789abcdef:c1",
    };
    EventHistory history;

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        event_history_parse(texts[i], &history);
        assert_int_equal(history.count, 0);
    }
    event_history_parse(NULL, &history);
    assert_int_equal(history.count, 0);
    event_history_parse("? 0123456789abcdef:0123456789abcdef0123456789abcdef:c1 !", &history);
    assert_int_equal(history.count, 1);
}

TEST(an_event_is_overtaken_only_by_one_that_speaks_of_the_same)
{
    static const struct {
        EventKind before; /* at time 10 */
        EventKind now;    /* at time 9  */
        bool content;
        bool state;
    } cases[] = {
        {EVENT_CREATED, EVENT_UPDATED, false, false},
        {EVENT_UPDATED, EVENT_CREATED, false, true},
        {EVENT_SUSPENDED, EVENT_UPDATED, true, true},
        {EVENT_SUSPENDED, EVENT_CREATED, true, false},
        {EVENT_UPDATED, EVENT_SUSPENDED, false, true},
        {EVENT_RESUMED, EVENT_SUSPENDED, true, false},
        {EVENT_DELETED, EVENT_RESUMED, true, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        EventHistory history = {0};
        const EventRecord before = record_of(cases[i].before, "before", 10);
        const EventRecord late = record_of(cases[i].now, "late", 9);
        const EventRecord same = record_of(cases[i].now, "same", 10);

        event_history_add(&history, &before);
        if (event_says_content(cases[i].now))
            assert_int_equal(event_history_content_is_new(&history, &late), cases[i].content);
        if (event_says_state(cases[i].now))
            assert_int_equal(event_history_state_is_new(&history, &late), cases[i].state);
        assert_true(event_history_content_is_new(&history, &same));
        assert_true(event_history_state_is_new(&history, &same));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(the_last_sixteen_are_kept),
        cmocka_unit_test(what_someone_else_wrote_there_is_left_out),
        cmocka_unit_test(an_event_is_overtaken_only_by_one_that_speaks_of_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "alloc.h"
#include "seen_events.h"
#include "unit.h"

static const int64_t now_ms = INT64_C(1795435200000);
static const int64_t until_ms = INT64_C(1795435200000) + 96 * INT64_C(3600000);

/* An event of "acme" that happened LATER_MS after now. */
static Event event_of(const char *id, const char *content, int64_t later_ms)
{
    Event event = {.tenant = "acme", .time_ms = now_ms + later_ms};

    (void)snprintf(event.id, sizeof event.id, "%s", id);
    digest_text(content, strlen(content), event.digest);
    return event;
}

TEST(an_id_with_another_content_is_known)
{
    SeenEvents *seen = xcalloc(1, sizeof *seen);
    const Event first = event_of("msg_1", "a", 0);
    const Event other = event_of("msg_1", "b", 0);
    const Event stranger = event_of("msg_2", "b", 0);

    seen_add(seen, &first, false, until_ms);
    assert_false(seen_other_content(seen, &first, now_ms));
    assert_true(seen_other_content(seen, &other, now_ms));
    assert_false(seen_other_content(seen, &stranger, now_ms));
    assert_false(seen_other_content(seen, &other, until_ms));
    free(seen);
}

TEST(what_came_before_a_deletion_is_known_and_what_comes_after_it_is_new)
{
    SeenEvents *seen = xcalloc(1, sizeof *seen);
    const Event deletion = event_of("msg_2", "b", 0);
    const Event before = event_of("msg_1", "a", -1);
    const Event after = event_of("msg_3", "c", 1);

    seen_add(seen, &before, false, until_ms);
    assert_false(seen_deletion_since(seen, &before, now_ms));
    seen_add(seen, &deletion, true, until_ms);
    assert_true(seen_deletion_since(seen, &before, now_ms));
    assert_true(seen_deletion_since(seen, &deletion, now_ms));
    assert_false(seen_deletion_since(seen, &after, now_ms));
    assert_false(seen_deletion_since(seen, &before, until_ms));
    free(seen);
}

TEST(any_number_of_other_events_leaves_a_deletion_known)
{
    SeenEvents *seen = xcalloc(1, sizeof *seen);
    const Event deletion = event_of("msg_1", "a", 0);
    const Event before = event_of("msg_0", "b", -1);

    seen_add(seen, &deletion, true, until_ms);
    for (int i = 0; i < 10 * RECENT_SETS * RECENT_WAYS; i++) {
        char id[24];

        (void)snprintf(id, sizeof id, "other_%d", i);
        const Event other = event_of(id, "c", 0);
        seen_add(seen, &other, false, until_ms + i);
    }
    assert_true(seen_deletion_since(seen, &before, now_ms));
    free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_with_another_content_is_known),
        cmocka_unit_test(what_came_before_a_deletion_is_known_and_what_comes_after_it_is_new),
        cmocka_unit_test(any_number_of_other_events_leaves_a_deletion_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"
#include "watch_rule.h"

static cJSON *parsed(const char *text)
{
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &json, &error), 0);
    return json;
}

TEST(every_state_knows_what_to_do_at_every_end)
{
    for (int state = 0; state < WATCH_STATES; state++) {
        for (int end = 0; end < WATCH_ENDS; end++)
            assert_true(*watch_rule((WatchState)state, (WatchEnd)end)->why != '\0');
    }
}

TEST(only_progress_goes_on_without_a_rest)
{
    for (int state = 0; state < WATCH_STATES; state++) {
        for (int end = WATCH_SHORT; end < WATCH_ENDS; end++) {
            bool pages_next = state == WATCH_STREAM_LIST && end == WATCH_INVALID;

            assert_int_equal(watch_rule((WatchState)state, (WatchEnd)end)->rest, !pages_next);
        }
        assert_false(watch_rule((WatchState)state, WATCH_SYNCED)->rest);
    }
    assert_false(watch_rule(WATCH_FOLLOW, WATCH_CLOSED)->rest);
}

TEST(a_break_is_resumed_from_the_last_version)
{
    static const WatchEnd ends[] = {WATCH_CLOSED, WATCH_SHORT, WATCH_BUSY, WATCH_AWAY};

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        assert_int_equal(watch_rule(WATCH_FOLLOW, ends[i])->next, WATCH_FOLLOW);
}

TEST(a_version_that_is_no_good_is_listed_anew)
{
    static const WatchEnd ends[] = {WATCH_GONE, WATCH_AHEAD, WATCH_INVALID, WATCH_REFUSED,
                                    WATCH_GARBLED};

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        assert_int_equal(watch_rule(WATCH_FOLLOW, ends[i])->next, WATCH_STREAM_LIST);
}

TEST(nothing_is_followed_before_the_list_is_whole)
{
    for (int end = WATCH_CLOSED; end < WATCH_ENDS; end++) {
        assert_int_not_equal(watch_rule(WATCH_STREAM_LIST, (WatchEnd)end)->next, WATCH_FOLLOW);
        assert_int_not_equal(watch_rule(WATCH_PAGE_LIST, (WatchEnd)end)->next, WATCH_FOLLOW);
    }
    assert_int_equal(watch_rule(WATCH_STREAM_LIST, WATCH_SYNCED)->next, WATCH_FOLLOW);
    assert_int_equal(watch_rule(WATCH_PAGE_LIST, WATCH_SYNCED)->next, WATCH_FOLLOW);
}

TEST(a_server_that_cannot_stream_a_list_is_asked_for_pages)
{
    static const WatchEnd ends[] = {WATCH_CLOSED, WATCH_SHORT, WATCH_GONE, WATCH_INVALID,
                                    WATCH_GARBLED};

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        assert_int_equal(watch_rule(WATCH_STREAM_LIST, ends[i])->next, WATCH_PAGE_LIST);
}

/* An update of a CRD: the watch closes, then 429 for about a second. */
TEST(what_an_upgrade_does_is_no_news)
{
    assert_int_equal(watch_rule(WATCH_FOLLOW, WATCH_CLOSED)->quiet_tries, WATCH_NEVER_TELL);
    assert_true(watch_rule(WATCH_FOLLOW, WATCH_BUSY)->quiet_tries >= 3);
    assert_true(watch_rule(WATCH_FOLLOW, WATCH_GONE)->quiet_tries >= 3);
    assert_int_equal(watch_rule(WATCH_FOLLOW, WATCH_AWAY)->quiet_tries, 0);
    assert_int_equal(watch_rule(WATCH_FOLLOW, WATCH_REFUSED)->quiet_tries, 0);
}

TEST(an_answer_says_how_it_ended)
{
    static const struct {
        int64_t code;
        const char *status;
        WatchEnd want;
    } cases[] = {
        {410, "{}", WATCH_GONE},
        {410, "{\"reason\":\"Gone\",\"code\":410}", WATCH_GONE},
        {200, "{\"reason\":\"Expired\",\"code\":410}", WATCH_GONE},
        {504, "{\"details\":{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}]}}", WATCH_AHEAD},
        {504, "{\"reason\":\"Timeout\"}", WATCH_BUSY},
        {429, "{\"reason\":\"TooManyRequests\"}", WATCH_BUSY},
        {500, "{\"reason\":\"InternalError\"}", WATCH_BUSY},
        {503, "null", WATCH_BUSY},
        {0, "{}", WATCH_BUSY},
        {400, "{\"reason\":\"BadRequest\"}", WATCH_INVALID},
        {422, "{\"reason\":\"Invalid\"}", WATCH_INVALID},
        {401, "{}", WATCH_REFUSED},
        {403, "{}", WATCH_REFUSED},
        {404, "{}", WATCH_REFUSED},
        {406, "{}", WATCH_REFUSED},
        {302, "{}", WATCH_REFUSED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *status = parsed(cases[i].status);

        assert_int_equal(watch_end_of(cases[i].code, status), cases[i].want);
    }
    assert_int_equal(watch_end_of(503, NULL), WATCH_BUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_knows_what_to_do_at_every_end),
        cmocka_unit_test(only_progress_goes_on_without_a_rest),
        cmocka_unit_test(a_break_is_resumed_from_the_last_version),
        cmocka_unit_test(a_version_that_is_no_good_is_listed_anew),
        cmocka_unit_test(nothing_is_followed_before_the_list_is_whole),
        cmocka_unit_test(a_server_that_cannot_stream_a_list_is_asked_for_pages),
        cmocka_unit_test(what_an_upgrade_does_is_no_news),
        cmocka_unit_test(an_answer_says_how_it_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

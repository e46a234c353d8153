#include "ownership.h"
#include "unit.h"
#include "yaml_value.h"

TEST(a_mark_says_whose_it_is)
{
    static const struct {
        const char *config;
        Owner want;
    } cases[] = {
        {"{metadata: {bulkhead.dev/uid: u1, bulkhead.dev/cluster: c1}}", OWNER_SELF},
        {"{metadata: {bulkhead.dev/uid: u1, bulkhead.dev/cluster: c1, team: blue}}", OWNER_SELF},
        {"{}", OWNER_NONE},
        {"{metadata: {}}", OWNER_NONE},
        {"{metadata: {team: blue, _nats.ver: 2.15.2}}", OWNER_NONE},
        {"{metadata: {bulkhead.dev/uid: u2, bulkhead.dev/cluster: c1}}", OWNER_FORMER},
        {"{metadata: {bulkhead.dev/uid: u1, bulkhead.dev/cluster: c2}}", OWNER_OTHER},
        {"{metadata: {bulkhead.dev/uid: u2, bulkhead.dev/cluster: c2}}", OWNER_OTHER},
        {"{metadata: {bulkhead.dev/uid: u1}}", OWNER_OTHER},
        {"{metadata: {bulkhead.dev/cluster: c1}}", OWNER_OTHER},
        {"{metadata: {bulkhead.dev/uid: '', bulkhead.dev/cluster: c1}}", OWNER_FORMER},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_json) cJSON *config = yaml_value(cases[i].config);

        assert_int_equal(owner_of(config, "u1", "c1"), cases[i].want);
    }
}

TEST(what_was_marked_is_ours)
{
    DEFER(defer_json)
    cJSON *config = yaml_value("{metadata: {bulkhead.dev/uid: u2, bulkhead.dev/cluster: c2}}");

    owner_mark(cJSON_GetObjectItemCaseSensitive(config, "metadata"), "u1", "c1");
    assert_int_equal(owner_of(config, "u1", "c1"), OWNER_SELF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mark_says_whose_it_is),
        cmocka_unit_test(what_was_marked_is_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

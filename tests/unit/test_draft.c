#include "draft.h"
#include "unit.h"

static const Tenant tenant = {.resource_version = "17"};

static cJSON *parse(const char *text)
{
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &json, &error), 0);
    return json;
}

TEST(a_draft_is_read_back_with_all_its_digits)
{
    static const char text[] = "{\"lag\":1,\"stream\":{\"bytes\":2592000000000000}}";
    DEFER(defer_json) cJSON *status = parse(text);

    json_set_integers(status);
    DEFER(defer_free) char *draft = draft_print(&tenant, status);
    DEFER(defer_json) cJSON *read = draft_read(draft, &tenant);
    DEFER(defer_free) char *printed = json_print(read);
    assert_string_equal(printed, text);
}

TEST(a_draft_for_another_state_of_the_tenant_is_void)
{
    static const Tenant later = {.resource_version = "18"};
    DEFER(defer_json) cJSON *status = parse("{}");
    DEFER(defer_free) char *draft = draft_print(&tenant, status);

    assert_null(draft_read(draft, &later));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_draft_is_read_back_with_all_its_digits),
        cmocka_unit_test(a_draft_for_another_state_of_the_tenant_is_void),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

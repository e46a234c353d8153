#include "alloc.h"
#include "template.h"
#include "unit.h"
#include "yaml.h"

static int add(Templates *templates, const char *text, Error *reterr)
{
    cJSON *documents = NULL;

    assert_int_equal(yaml_parse(text, strlen(text), &documents, reterr), 0);
    return templates_add(templates, documents, reterr);
}

static cJSON *event_of(const char *text)
{
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &json, &error), 0);
    return json;
}

/* What the template whose spec is SPEC makes of EVENT, as JSON text; or the problem's detail. */
static char *expanded(const char *spec, const char *event)
{
    DEFER(templates_done) Templates templates;
    DEFER(defer_json) cJSON *root = event_of(event);
    DEFER(defer_json) cJSON *body = NULL;
    char document[512];
    const TemplateValues values = {
        .account = "Acme", .plan = "starter", .tenant = "acme-1", .root = root};
    Problem problem = {0};
    Error error;

    templates_init(&templates);
    (void)snprintf(document, sizeof document, "plan: starter\ntenant:\n  spec:\n    %s\n", spec);
    assert_int_equal(add(&templates, document, &error), 0);
    if (template_expand(template_find(&templates, "starter"), &values, &body, &problem) < 0)
        return xstrdup(problem.detail);
    return json_print(json_at(body, "spec"));
}

TEST(places_are_filled_with_the_events_fields)
{
    static const struct {
        const char *spec;
        const char *event;
        const char *want;
    } cases[] = {
        {"{a: plain, b: 1, c: true, d: null}", "{}",
         "{\"a\":\"plain\",\"b\":1,\"c\":true,\"d\":null}"},
        {"{a: \"${data.x}\"}", "{\"data\":{\"x\":\"y\"}}", "{\"a\":\"y\"}"},
        {"{a: \"<${data.x}>\"}", "{\"data\":{\"x\":\"y\"}}", "{\"a\":\"<y>\"}"},
        {"{a: \"${data.x}\"}", "{\"data\":{\"x\":12}}", "{\"a\":12}"},
        {"{a: \"${data.x}\"}", "{\"data\":{\"x\":10737418240}}", "{\"a\":10737418240}"},
        {"{a: \"${data.x}\"}", "{\"data\":{\"x\":false}}", "{\"a\":false}"},
        {"{a: \"n${data.x}\"}", "{\"data\":{\"x\":12}}", "{\"a\":\"n12\"}"},
        {"{a: \"${data.x}${data.y}\"}", "{\"data\":{\"x\":1,\"y\":2}}", "{\"a\":\"12\"}"},
        {"{a: \"${data.x:-z}\"}", "{}", "{\"a\":\"z\"}"},
        {"{a: \"${data.x:-}\"}", "{}", "{\"a\":\"\"}"},
        {"{a: \"${data.x:-z}\"}", "{\"data\":{\"x\":null}}", "{\"a\":\"z\"}"},
        {"{a: \"${data.x:-z}\"}", "{\"data\":{\"x\":{\"y\":1}}}", "{\"a\":\"z\"}"},
        {"{a: \"${account} ${plan} ${tenant}\"}", "{}", "{\"a\":\"Acme starter acme-1\"}"},
        {"{a: \"${account}\"}", "{\"account\":\"forged\"}", "{\"a\":\"Acme\"}"},
        {"{a: \"$$ $x $\"}", "{}", "{\"a\":\"$ $x $\"}"},
        {"{a: \"$${data.x}\"}", "{}", "{\"a\":\"${data.x}\"}"},
        {"{a: [{b: \"${data.x}\"}, 2]}", "{\"data\":{\"x\":\"y\"}}", "{\"a\":[{\"b\":\"y\"},2]}"},
        /* What an event says stays a text, whatever it looks like. */
        {"{a: \"${data.x}\"}", "{\"data\":{\"x\":\"{\\\"b\\\": 1}\"}}",
         "{\"a\":\"{\\\"b\\\": 1}\"}"},
        {"{a: \"${data.x}\"}", "{\"data\":{\"x\":\"${account}\"}}", "{\"a\":\"${account}\"}"},
        {"{a: \"${data.x}\"}", "{}", "the template of plan 'starter' needs the field 'data.x'"},
        {"{a: \"${data.x\"}", "{}",
         "the template of plan 'starter' has a place that cannot be read at '${data.x'"},
        {"{a: \"${}\"}", "{}",
         "the template of plan 'starter' has a place that cannot be read at '${}'"},
        {"{a: \"${data..x}\"}", "{}",
         "the template of plan 'starter' has a place that cannot be read at '${data..x}'"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_free) char *got = expanded(cases[i].spec, cases[i].event);

        assert_string_equal(got, cases[i].want);
    }
}

TEST(a_value_that_grows_too_long_is_refused)
{
    enum { LENGTH = 4000 };
    char event[LENGTH + 32];
    char value[LENGTH + 1];

    memset(value, 'x', LENGTH);
    value[LENGTH] = '\0';
    (void)snprintf(event, sizeof event, "{\"x\":\"%s\"}", value);
    DEFER(defer_free) char *got = expanded("{a: \"${x}${x}\"}", event);
    assert_string_equal(got,
                        "a text of the template of plan 'starter' becomes longer than 4096 bytes");
}

TEST(labels_and_annotations_are_filled_too)
{
    DEFER(templates_done) Templates templates;
    DEFER(defer_json) cJSON *body = NULL;
    const TemplateValues values = {.account = "a", .plan = "p", .tenant = "t", .root = NULL};
    Problem problem = {0};
    Error error;

    templates_init(&templates);
    assert_int_equal(add(&templates,
                         "plan: p\ntenant:\n  metadata: {labels: {plan: \"${plan}\"}}\n  spec: {}",
                         &error),
                     0);
    assert_int_equal(template_expand(&templates.items[0], &values, &body, &problem), 0);
    DEFER(defer_free) char *text = json_print(body);
    assert_string_equal(text, "{\"metadata\":{\"labels\":{\"plan\":\"p\"}},\"spec\":{}}");
}

TEST(several_files_make_one_set)
{
    DEFER(templates_done) Templates templates;
    Error error;

    templates_init(&templates);
    assert_int_equal(
        add(&templates, "plan: a\ntenant: {spec: {}}\n---\nplan: b\ntenant: {spec: {}}", &error),
        0);
    assert_int_equal(add(&templates, "plan: c\ntenant: {spec: {}}", &error), 0);
    assert_int_equal(templates.count, 3);
    assert_string_equal(template_find(&templates, "b")->plan, "b");
    assert_null(template_find(&templates, "d"));
}

#define PLAN_OF_65_BYTES "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

TEST(what_cannot_be_a_template_is_refused_by_name)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"- 1", "a template must be an object"},
        {"tenant: {spec: {}}", "a template must have 'plan', a text"},
        {"plan: 1\ntenant: {spec: {}}", "a template must have 'plan', a text"},
        {"plan: " PLAN_OF_65_BYTES "\ntenant: {spec: {}}",
         "'plan' must have at most 64 bytes: '" PLAN_OF_65_BYTES "'"},
        {"plan: a\nsample: text\ntenant: {spec: {}}",
         "the template of plan 'a': sample must be an object"},
        {"plan: a\ntenant: {apiVersion: v1, spec: {}}",
         "the template of plan 'a': tenant.apiVersion must be bulkhead.dev/v1alpha1, not 'v1'"},
        {"plan: a\ntenant: {kind: Pod, spec: {}}",
         "the template of plan 'a': tenant.kind must be Tenant, not 'Pod'"},
        {"plan: a\nspec: {}", "a template must not have 'spec'"},
        {"plan: a", "the template of plan 'a': tenant must be an object"},
        {"plan: a\ntenant: {}", "the template of plan 'a': tenant.spec must be an object"},
        {"plan: a\ntenant: {spec: {mode: Observe}}",
         "the template of plan 'a': tenant.spec.mode is set by the events"},
        {"plan: a\ntenant: {spec: {}, status: {}}",
         "the template of plan 'a': tenant must not have 'status'"},
        {"plan: a\ntenant: {spec: {}, metadata: {name: x}}",
         "the template of plan 'a': tenant.metadata must not have 'name'"},
        {"plan: a\ntenant: {spec: {}, metadata: {annotations: {bulkhead.dev/account: x}}}",
         "the template of plan 'a': the annotation 'bulkhead.dev/account' is written by the "
         "program"},
        {"plan: a\ntenant: {spec: {}}\n---\nplan: a\ntenant: {spec: {}}",
         "the plan 'a' has two templates"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(templates_done) Templates templates;
        Error error;

        templates_init(&templates);
        assert_int_equal(add(&templates, cases[i].text, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_filled_with_the_events_fields),
        cmocka_unit_test(a_value_that_grows_too_long_is_refused),
        cmocka_unit_test(labels_and_annotations_are_filled_too),
        cmocka_unit_test(several_files_make_one_set),
        cmocka_unit_test(what_cannot_be_a_template_is_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

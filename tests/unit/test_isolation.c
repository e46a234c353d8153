#include "isolation.h"
#include "unit.h"
#include "yaml_value.h"

static void add(Isolation *isolation, const char *config)
{
    DEFER(defer_json) cJSON *value = yaml_value(config);

    isolation_add(isolation, value);
}

static void finds(const Isolation *isolation, const char *tenant_id, const char *want)
{
    char found[INTRUDERS_SIZE];

    isolation_find(isolation, tenant_id, found);
    assert_string_equal(found, want);
}

TEST(each_way_into_a_tenant_is_named)
{
    static const struct {
        const char *config;
        const char *acme;
        const char *globex;
    } cases[] = {
        {"{name: TENANT_ACME, subjects: [tenant.acme.events.*]}", "", ""},
        {"{name: ORDERS, subjects: [orders.>, '*']}", "", ""},
        {"{name: ODD, subjects: [tenant, tenant.acme-2.x, tenants.acme.x, tenant.ACME.x]}", "", ""},
        {"{name: X, subjects: [tenant.acme.audit]}", "stream X takes tenant.acme.audit", ""},
        {"{name: X, subjects: ['tenant.acme.>']}", "stream X takes tenant.acme.>", ""},
        {"{name: X, subjects: ['tenant.*.audit']}", "stream X takes tenant.*.audit",
         "stream X takes tenant.*.audit"},
        {"{name: X, subjects: ['*.acme.audit']}", "stream X takes *.acme.audit", ""},
        {"{name: X, subjects: ['tenant.>']}", "stream X takes tenant.>", "stream X takes tenant.>"},
        {"{name: X, subjects: ['>']}", "stream X takes >", "stream X takes >"},
        {"{name: X, republish: {src: '>', dest: 'tenant.acme.events.x'}}",
         "stream X republishes to tenant.acme.events.x", ""},
        {"{name: X, republish: {dest: 'tenant.{{wildcard(1)}}.events.x'}}",
         "stream X republishes to tenant.{{wildcard(1)}}.events.x",
         "stream X republishes to tenant.{{wildcard(1)}}.events.x"},
        {"{name: X, republish: {dest: 'tenant.$1.x'}}", "stream X republishes to tenant.$1.x",
         "stream X republishes to tenant.$1.x"},
        {"{name: X, subject_transform: {src: x, dest: tenant.globex.y}}", "",
         "stream X stores its events as tenant.globex.y"},
        {"{name: X, mirror: {name: TENANT_ACME}}", "stream X mirrors its stream", ""},
        {"{name: X, sources: [{name: OTHER}, {name: TENANT_GLOBEX}]}", "",
         "stream X copies its stream"},
        {"{name: X, sources: [{name: TENANT_ACME, external: {api: $JS.hub.API}}]}", "", ""},
        {"{name: X, sources: [{name: Y, subject_transforms: [{src: a, dest: tenant.acme.b}]}]}",
         "stream X stores its copies as tenant.acme.b", ""},
        {"{name: TENANT_GLOBEX, subjects: [tenant.globex.events.*], sources: [{name: "
         "TENANT_ACME}]}",
         "stream TENANT_GLOBEX copies its stream", ""},
        {"{name: X, subjects: [tenant.acme.a, tenant.acme.b]}",
         "stream X takes tenant.acme.a; stream X takes tenant.acme.b", ""},
        {"{}", "", ""},
        {"{name: 5, subjects: 7, mirror: [], sources: {a: b}}", "", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DEFER(defer_isolation) Isolation *isolation = isolation_new();

        add(isolation, cases[i].config);
        finds(isolation, "acme", cases[i].acme);
        finds(isolation, "globex", cases[i].globex);
    }
}

TEST(what_is_found_is_cut_where_it_would_not_fit)
{
    DEFER(defer_isolation) Isolation *isolation = isolation_new();
    char found[INTRUDERS_SIZE];

    for (int i = 0; i < 100; i++)
        add(isolation, "{name: X, subjects: [tenant.acme.events.something]}");
    isolation_find(isolation, "acme", found);
    assert_true(strlen(found) < INTRUDERS_SIZE);
    assert_true(text_starts(found, "stream X takes tenant.acme.events.something; "));
}

static void collect(void *context, const char *tenant_id)
{
    char *names = context;
    size_t used = strlen(names);

    (void)snprintf(names + used, 64 - used, "%s ", tenant_id != NULL ? tenant_id : "(all)");
}

static void changes(const Isolation *a, const Isolation *b, const char *want)
{
    char names[64] = "";

    isolation_compare(a, b, collect, names);
    assert_string_equal(names, want);
}

TEST(only_those_that_something_else_is_found_on_are_told)
{
    DEFER(defer_isolation) Isolation *none = isolation_new();
    DEFER(defer_isolation) Isolation *one = isolation_new();
    DEFER(defer_isolation) Isolation *other = isolation_new();
    DEFER(defer_isolation) Isolation *all = isolation_new();

    add(one, "{name: X, subjects: [tenant.acme.x, tenant.globex.x]}");
    add(other, "{name: X, subjects: [tenant.acme.x, tenant.initech.x]}");
    add(all, "{name: X, subjects: ['tenant.*.x']}");
    changes(NULL, none, "");
    changes(NULL, one, "acme globex ");
    changes(none, one, "acme globex ");
    changes(one, none, "acme globex ");
    changes(one, one, "");
    changes(one, other, "globex initech ");
    changes(none, all, "(all) ");
    changes(all, none, "(all) ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_into_a_tenant_is_named),
        cmocka_unit_test(what_is_found_is_cut_where_it_would_not_fit),
        cmocka_unit_test(only_those_that_something_else_is_found_on_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "subject.h"
#include "unit.h"

#define FORTY    "abcdefghijabcdefghijabcdefghijabcdefghij"
#define TYPE_128 FORTY FORTY FORTY "12345678"

TEST(ids_of_the_grammar_are_accepted)
{
    static const char forty[] = FORTY;
    static const char *const ids[] = {"a", "0", "acme", "a-b", "a--b", "9-9", "x1", forty};

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        assert_true(tenant_id_valid(ids[i]));
}

TEST(everything_else_is_no_id)
{
    static const char *const ids[] = {
        "",      "-",        "-a",    "a-",   "A",          "aCme", "a.b",  "a*",  "a>",  ">",
        "*",     "a b",      " a",    "a\n",  "a\r\nPUB x", "a_b",  "a/b",  "a$",  "$JS", "a\x01",
        "a\x7f", "\xc3\xa4", "a\xff", "a\tb", "a\\b",       "a'b",  "a\"b", "a;b", "a%b", "_",
    };

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        assert_false(tenant_id_valid(ids[i]));
    assert_false(tenant_id_valid(FORTY "k"));
}

TEST(a_byte_inside_an_id_is_lower_case_a_digit_or_a_dash)
{
    for (int c = 1; c < 256; c++) {
        const char id[] = {'a', (char)c, 'a', '\0'};
        bool want = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';

        assert_int_equal(tenant_id_valid(id), want);
    }
}

TEST(event_types_are_tokens_joined_by_dots)
{
    static const char *const types[] = {
        "a", "invoice-created", "Invoice_Created.v2", "a.b.c", "-", "_", "0.1"};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        assert_true(event_type_valid(types[i]));
    assert_true(event_type_valid(TYPE_128));
}

TEST(everything_else_is_no_event_type)
{
    static const char *const types[] = {
        "",     ".",         ".a", "a.",       "a..b", "*",     ">",   "a.>", "a.*", "a b",   "a\n",
        "a\tb", "a\r\nHMSG", "a$", "\xc3\xa4", "a/b",  "a\x01", "a:b", "{a}", "a,b", "a\xff",
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        assert_false(event_type_valid(types[i]));
    assert_false(event_type_valid(TYPE_128 "9"));
}

TEST(a_byte_of_an_event_type_is_of_its_alphabet)
{
    for (int c = 1; c < 256; c++) {
        const char type[] = {'a', (char)c, 'a', '\0'};
        bool want = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.';

        assert_int_equal(event_type_valid(type), want);
    }
}

TEST(a_stream_is_named_after_its_tenant)
{
    char name[STREAM_NAME_SIZE];

    stream_name("acme-2", name);
    assert_string_equal(name, "TENANT_ACME-2");
    stream_name(FORTY, name);
    assert_int_equal(strlen(name), STREAM_NAME_SIZE - 1);
}

/* All ids of up to three characters of a small alphabet that has one of each kind. */
typedef void IdFn(const char *id);

static void each_short_id(IdFn *fn)
{
    static const char alphabet[] = {'\0', 'a', 'b', 'z', '0', '9', '-'};
    const size_t n = ARRAY_SIZE(alphabet);

    for (size_t i = 0; i < n * n * n; i++) {
        const char id[] = {alphabet[i % n], alphabet[i / n % n], alphabet[i / n / n], '\0'};

        if (tenant_id_valid(id) && strlen(id) == 3 - (size_t)(id[1] == '\0') - (id[2] == '\0'))
            fn(id);
    }
}

static char names[512][STREAM_NAME_SIZE];
static size_t name_count;

static void add_new_name(const char *id)
{
    assert_true(name_count < ARRAY_SIZE(names));
    stream_name(id, names[name_count]);
    for (size_t i = 0; i < name_count; i++)
        assert_string_not_equal(names[i], names[name_count]);
    name_count++;
}

TEST(no_two_tenants_share_a_stream)
{
    each_short_id(add_new_name);
    assert_true(name_count > 100);
}

static void there_and_back(const char *id)
{
    char name[STREAM_NAME_SIZE];
    char back[TENANT_ID_MAX + 1];

    stream_name(id, name);
    assert_true(stream_tenant(name, back));
    assert_string_equal(back, id);
}

TEST(a_streams_name_leads_back_to_its_tenant)
{
    each_short_id(there_and_back);
    there_and_back(FORTY);
}

TEST(a_stream_of_another_name_is_no_tenants)
{
    static const char *const streams[] = {
        "",
        "TENANT_",
        "TENANT",
        "tenant_ACME",
        "ORDERS",
        "TENANT_acme",
        "TENANT_ACMe",
        "TENANT_-A",
        "TENANT_A-",
        "TENANT_A.B",
        "TENANT_A_B",
        "TENANT_A*",
        "XTENANT_ACME",
        "TENANT_A B",
        "TENANT_\xc3\x84",
        "KV_TENANT_A",
        "TENANT_A\tB",
        "TENANT_ABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJK",
    };
    char id[TENANT_ID_MAX + 1] = "untouched";

    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        assert_false(stream_tenant(streams[i], id));
        assert_string_equal(id, "untouched");
    }
}

TEST(a_subject_holds_the_tenant_and_the_type)
{
    static const struct {
        const char *id;
        const char *type;
        const char *want;
    } cases[] = {
        {"acme", "invoice-created", "tenant.acme.events.invoice-created"},
        {"acme", "invoice.created", "tenant.acme.events.invoice.created"},
        {"acme", "*", "tenant.acme.events.*"},
        {"acme", ">", "tenant.acme.events.>"},
        {FORTY, TYPE_128, "tenant." FORTY ".events." TYPE_128},
    };
    char subject[SUBJECT_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        event_subject(cases[i].id, cases[i].type, subject);
        assert_string_equal(subject, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_the_grammar_are_accepted),
        cmocka_unit_test(everything_else_is_no_id),
        cmocka_unit_test(a_byte_inside_an_id_is_lower_case_a_digit_or_a_dash),
        cmocka_unit_test(event_types_are_tokens_joined_by_dots),
        cmocka_unit_test(everything_else_is_no_event_type),
        cmocka_unit_test(a_byte_of_an_event_type_is_of_its_alphabet),
        cmocka_unit_test(a_stream_is_named_after_its_tenant),
        cmocka_unit_test(no_two_tenants_share_a_stream),
        cmocka_unit_test(a_streams_name_leads_back_to_its_tenant),
        cmocka_unit_test(a_stream_of_another_name_is_no_tenants),
        cmocka_unit_test(a_subject_holds_the_tenant_and_the_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

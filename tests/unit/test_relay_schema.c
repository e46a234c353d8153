#include "mapped_names.h"
#include "schema.h"

static Mapping ours(void)
{
    MappingNames names = mapped_names("outbox");

    return mapping_of(&names);
}

TEST(migrations_are_numbered_from_one_without_gaps)
{
    assert_true(migration_count() > 0);
    for (size_t i = 0; i < migration_count(); i++) {
        DEFER(text_done) Text sql = TEXT_MAX(SCHEMA_TEXT_MAX);
        Mapping mapping = ours();

        assert_int_equal(migration_at(i)->version, i + 1);
        migration_sql(migration_at(i), &mapping, &sql);
        assert_false(sql.full);
        assert_true(sql.length > 0);
    }
}

TEST(the_printed_schema_is_one_transaction_that_notes_every_version)
{
    DEFER(text_done) Text text = TEXT_MAX(SCHEMA_TEXT_MAX);
    Mapping mapping = ours();

    schema_print(&mapping, &text);
    assert_false(text.full);
    const char *script = text_get(&text);
    assert_true(text_starts(script, "BEGIN;\n"));
    assert_string_equal(script + text.length - strlen("COMMIT;\n"), "COMMIT;\n");
    assert_non_null(strstr(script, "CREATE TABLE outbox ("));
    assert_non_null(strstr(script, "CREATE TABLE outbox_dead ("));
    assert_non_null(strstr(script, "VALUES (1, 'outbox', false);"));
    assert_non_null(strstr(script, "VALUES (2, 'outbox_publish', false);"));
}

/* Quotes and backslashes went through a shell script on their way into the program. */
TEST(the_checks_arrive_as_they_were_written)
{
    DEFER(text_done) Text text = TEXT_MAX(SCHEMA_TEXT_MAX);
    Mapping mapping = ours();

    schema_print(&mapping, &text);
    assert_non_null(strstr(text_get(&text), "'^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$'"));
    assert_non_null(strstr(text_get(&text), "like_regex \"[\\\\r\\\\n]\")')"));
    assert_non_null(strstr(text_get(&text), "'^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrations_are_numbered_from_one_without_gaps),
        cmocka_unit_test(the_printed_schema_is_one_transaction_that_notes_every_version),
        cmocka_unit_test(the_checks_arrive_as_they_were_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

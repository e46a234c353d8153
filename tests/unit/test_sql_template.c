#include "mapped_names.h"
#include "sql_template.h"
#include "statements.h"

static void assert_renders(const Mapping *mapping, const char *sql, const char *want)
{
    DEFER(text_done) Text text = TEXT_MAX(4096);

    sql_render(sql, mapping, &text);
    assert_false(text.full);
    assert_string_equal(text_get(&text), want);
}

static Mapping hostile(void)
{
    MappingNames names = mapped_names("\"sh\"\"op\".\"ev'; DROP TABLE x; --\"");

    names.columns[MAPPED_TENANT_ID] = "ten\"ant";
    names.columns[MAPPED_EVENT_TYPE] = "{id}";
    names.columns[MAPPED_HEADERS] = "";
    names.pending = "'; DELETE FROM x; --";
    names.published = "back\\slash'";
    return mapping_of(&names);
}

TEST(our_own_names_stay_as_they_are)
{
    MappingNames names = mapped_names("outbox");
    Mapping mapping = mapping_of(&names);

    assert_renders(&mapping,
                   "SELECT {id}, {o.headers} FROM {outbox} o WHERE {status} = {'pending'}",
                   "SELECT id, o.headers::text FROM outbox o WHERE status = 'pending'");
    assert_renders(&mapping, "{~outbox_ready} {outbox_dead} {bulkhead_outbox_schema} {'outbox'}",
                   "outbox_ready outbox_dead bulkhead_outbox_schema 'outbox'");
}

TEST(hostile_names_stay_names)
{
    Mapping mapping = hostile();

    assert_renders(&mapping, "{outbox}", "\"sh\"\"op\".\"ev'; DROP TABLE x; --\"");
    assert_renders(&mapping, "{~outbox_ready}", "\"ev'; DROP TABLE x; --_ready\"");
    assert_renders(&mapping, "{'outbox'}", "'\"sh\"\"op\".\"ev''; DROP TABLE x; --\"'");
    assert_renders(&mapping, "{tenant_id} {'tenant_id'}", "\"ten\"\"ant\" 'ten\"ant'");
    assert_renders(&mapping, "{o.event_type}", "o.\"{id}\"::text");
    assert_renders(&mapping, "{'pending'}", "'''; DELETE FROM x; --'");
    assert_renders(&mapping, "{'published'}", " E'back\\\\slash'''");
}

TEST(what_a_table_lacks_is_left_out_or_stood_for)
{
    MappingNames names = mapped_names("events");
    names.columns[MAPPED_HEADERS] = "";
    names.columns[MAPPED_MSG_ID] = "";
    Mapping mapping = mapping_of(&names);

    assert_renders(&mapping, "a{?headers}, b{/}{?last_error}, c{/}", "a, c");
    assert_renders(&mapping, "{o.headers}", "NULL::text");
    assert_renders(&mapping, "{?made}x{/}{?adopted}y{/}{?+id}i{/}{?+status}s{/}", "ys");
    assert_renders(
        &mapping, "{o.msg_id}",
        "o.id::int8 || '-' || left(encode(sha256(convert_to(concat_ws(E'\\n', "
        "o.tenant_id::text, o.event_type::text, CASE WHEN o.created_at > "
        "'-infinity' AND o.created_at < '9999-01-01' THEN o.created_at::timestamptz END, "
        "o.payload::bytea), 'UTF8')), 'hex'), 32)");
    mapping.text_payload = true;
    assert_renders(&mapping, "{o.payload}", "convert_to(o.payload::text, 'UTF8')");
}

TEST(marks_on_lines_of_their_own_leave_no_line)
{
    Mapping mapping = hostile();

    assert_renders(&mapping, "a\n{?made}\nb\n{/}\nc\n", "a\nc\n");
    assert_renders(&mapping, "a\n{?adopted}\nb\n{/}\nc\n", "a\nb\nc\n");
}

TEST(other_braces_mean_themselves)
{
    Mapping mapping = hostile();
    const char *sql = "'^[a-z]{0,38}$' '{}' {\"traceparent\": \"00-..\"} { {unknown} {";

    assert_renders(&mapping, sql, sql);
}

/* A placeholder that is misspelt would stay in the statement. */
TEST(every_statement_renders_whole)
{
    Mapping mapping = hostile();
    MappingNames names = mapped_names("outbox");
    const Mapping ours = mapping_of(&names);

    mapping.names.columns[MAPPED_EVENT_TYPE] = "event";
    for (size_t i = 0; i < statement_count(); i++) {
        DEFER(text_done) Text text = TEXT_MAX(STATEMENT_TEXT_MAX);

        sql_render(statement_at(i)->sql, &mapping, &text);
        sql_render(statement_at(i)->sql, &ours, &text);
        assert_false(text.full);
        if (strpbrk(text_get(&text), "{}") != NULL)
            fail_msg("%s: %s", statement_at(i)->name, text_get(&text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_names_stay_as_they_are),
        cmocka_unit_test(hostile_names_stay_names),
        cmocka_unit_test(what_a_table_lacks_is_left_out_or_stood_for),
        cmocka_unit_test(marks_on_lines_of_their_own_leave_no_line),
        cmocka_unit_test(other_braces_mean_themselves),
        cmocka_unit_test(every_statement_renders_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

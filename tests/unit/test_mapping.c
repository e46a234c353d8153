#include "mapped_names.h"

static void assert_no_mapping(const MappingNames *names, const char *complaint)
{
    Mapping mapping;
    Error error = {0};

    assert_int_equal(mapping_parse(names, &mapping, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_string_equal(error.text, complaint);
}

TEST(a_table_is_split_where_its_schema_ends)
{
    static const struct {
        const char *table;
        const char *schema;
        const char *name;
    } cases[] = {
        {"outbox", "", "outbox"},
        {"shop.events", "shop", "events"},
        {"\"odd.schema\".events", "odd.schema", "events"},
        {"shop.\"a.b\"", "shop", "a.b"},
        {"\"say \"\"hi\"\"\"", "", "say \"hi\""},
        {"Shop.Events; DROP TABLE x", "Shop", "Events; DROP TABLE x"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        MappingNames names = mapped_names(cases[i].table);
        Mapping mapping = mapping_of(&names);

        assert_string_equal(mapping.schema, cases[i].schema);
        assert_string_equal(mapping.table, cases[i].name);
    }
}

TEST(what_is_no_table_is_refused)
{
    static const char *const tables[] = {"", ".", "a.", ".a", "\"", "\"\"", "\"a"};
    MappingNames names = mapped_names("a.b.c");

    assert_no_mapping(&names, "--table: want TABLE or SCHEMA.TABLE; a name that holds a dot stands "
                              "in double quotes");
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        names = mapped_names(tables[i]);
        assert_no_mapping(&names, "--table: want TABLE or SCHEMA.TABLE");
    }
    names = mapped_names("a2345678901234567890123456789012345678901234567x");
    assert_no_mapping(&names, "--table: a schema has at most 63 bytes, a table at most 47, so that "
                              "the tables beside it can be named after it");
}

TEST(a_column_that_the_relay_needs_cannot_be_left_out)
{
    static const Mapped needed[] = {MAPPED_ID,      MAPPED_TENANT_ID, MAPPED_EVENT_TYPE,
                                    MAPPED_PAYLOAD, MAPPED_STATUS,    MAPPED_ATTEMPTS};

    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        MappingNames names = mapped_names("outbox");
        Mapping mapping;
        Error error;

        names.columns[needed[i]] = "";
        assert_int_equal(mapping_parse(&names, &mapping, &error), -1);
        assert_non_null(strstr(error.text, ": the relay cannot do without this column"));
    }
    MappingNames names = mapped_names("outbox");
    names.columns[MAPPED_HEADERS] = "";
    names.columns[MAPPED_LAST_ERROR] = "";
    Mapping mapping = mapping_of(&names);
    assert_false(mapping.has[MAPPED_HEADERS]);
    assert_false(mapping_is_ours(&mapping));
}

TEST(two_names_for_a_column_are_refused_where_the_relay_writes_one)
{
    MappingNames names = mapped_names("outbox");

    names.columns[MAPPED_ORDERING_KEY] = "tenant_id";
    (void)mapping_of(&names);
    names.columns[MAPPED_MSG_ID] = "id";
    assert_no_mapping(&names, "--column-id and --column-msg-id name the same column");
    names = mapped_names("outbox");
    names.published = "pending";
    assert_no_mapping(&names, "--status-pending and --status-published are the same");
}

static const FoundColumn debezium[] = {
    {"id", "uuid", "uuid", true},
    {"aggregatetype", "varchar(n)", "character varying(255)", true},
    {"aggregateid", "varchar(n)", "character varying(255)", true},
    {"type", "varchar(n)", "character varying(255)", true},
    {"payload", "jsonb", "jsonb", false},
};

static MappingNames debezium_names(void)
{
    MappingNames names = mapped_names("outbox");

    names.columns[MAPPED_ID] = "seq";
    names.columns[MAPPED_TENANT_ID] = "aggregatetype";
    names.columns[MAPPED_EVENT_TYPE] = "type";
    names.columns[MAPPED_ORDERING_KEY] = "aggregateid";
    names.columns[MAPPED_MSG_ID] = "id";
    return names;
}

TEST(migrate_adds_what_is_the_relays_and_no_more)
{
    MappingNames names = debezium_names();
    Mapping mapping = mapping_of(&names);
    Error error;

    assert_int_equal(mapping_fit(&mapping, debezium, ARRAY_SIZE(debezium), true, &error), 0);
    assert_true(mapping.adds[MAPPED_ID] && mapping.has[MAPPED_ID]);
    assert_true(mapping.adds[MAPPED_STATUS] && mapping.adds[MAPPED_LAST_ERROR]);
    assert_false(mapping.adds[MAPPED_HEADERS] || mapping.has[MAPPED_HEADERS]);
    assert_false(mapping.adds[MAPPED_MSG_ID]);
    assert_true(mapping.has[MAPPED_MSG_ID] && mapping.text_payload);
}

static void assert_no_fit(const MappingNames *names, const FoundColumn *found, size_t count,
                          const char *complaint)
{
    Mapping mapping = mapping_of(names);
    Error error = {0};

    assert_int_equal(mapping_fit(&mapping, found, count, false, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_string_equal(error.text, complaint);
}

TEST(a_relay_says_which_column_is_missing_and_what_to_do)
{
    MappingNames names = debezium_names();

    assert_no_fit(&names, debezium, ARRAY_SIZE(debezium),
                  "table outbox has no column \"seq\" (id): run 'bulkhead-relay migrate' with the "
                  "same flags, which adds it, or name another with --column-id");
    names.columns[MAPPED_ID] = "id";
    names.columns[MAPPED_MSG_ID] = "";
    assert_no_fit(&names, debezium, ARRAY_SIZE(debezium),
                  "column \"id\" of table outbox has type uuid; as id the relay takes int2 int4 "
                  "int8: change it, or name another with --column-id");
}

TEST(a_column_that_was_named_must_be_there)
{
    static const FoundColumn found[] = {
        {"id", "int8", "bigint", true},
        {"tenant_id", "text", "text", true},
        {"event_type", "text", "text", true},
        {"payload", "bytea", "bytea", true},
    };
    MappingNames names = mapped_names("shop.events");

    names.columns[MAPPED_HEADERS] = "meta";
    assert_no_fit(&names, found, ARRAY_SIZE(found),
                  "table shop.events has no column \"meta\": say which one is the headers with "
                  "--column-headers");
}

TEST(a_column_that_hides_rows_by_null_is_refused)
{
    static const FoundColumn found[] = {
        {"id", "int8", "bigint", true},
        {"tenant_id", "text", "text", false},
    };
    MappingNames names = mapped_names("outbox");

    assert_no_fit(&names, found, ARRAY_SIZE(found),
                  "column \"tenant_id\" of table outbox may be NULL, and the relay would never "
                  "find such a row: ALTER TABLE ... ALTER COLUMN ... SET NOT NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_split_where_its_schema_ends),
        cmocka_unit_test(what_is_no_table_is_refused),
        cmocka_unit_test(a_column_that_the_relay_needs_cannot_be_left_out),
        cmocka_unit_test(two_names_for_a_column_are_refused_where_the_relay_writes_one),
        cmocka_unit_test(migrate_adds_what_is_the_relays_and_no_more),
        cmocka_unit_test(a_relay_says_which_column_is_missing_and_what_to_do),
        cmocka_unit_test(a_column_that_was_named_must_be_there),
        cmocka_unit_test(a_column_that_hides_rows_by_null_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "params.h"
#include "unit.h"

static void assert_bytes(const Params *params, size_t i, const char *want, size_t length)
{
    assert_int_equal(params->bytes[i].length, length);
    assert_memory_equal(text_get(&params->bytes[i]), want, length);
}

TEST(an_array_of_ids_is_what_postgresql_reads)
{
    static const char want[] = "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\2\0\0\0\1"
                               "\0\0\0\x08\0\0\0\0\0\0\0\1"
                               "\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff";
    const int64_t ids[] = {1, -1};
    DEFER(params_done) Params params;

    params_init(&params);
    params_add_ids(&params, ids, 2);
    assert_bytes(&params, 0, want, sizeof want - 1);
}

TEST(an_empty_array_has_no_dimension)
{
    DEFER(params_done) Params params;

    params_init(&params);
    params_add_ids(&params, NULL, 0);
    assert_bytes(&params, 0, "\0\0\0\0\0\0\0\0\0\0\0\x14", 12);
}

TEST(numbers_texts_and_booleans_stand_side_by_side)
{
    DEFER(params_done) Params params;

    params_init(&params);
    params_add_text(&params, "acme");
    params_add_int4(&params, 258);
    params_add_int8(&params, 1);
    params_add_float8(&params, 1.5);
    params_add_array(&params, OID_BOOL, 1);
    params_push_bool(&params, true);
    params_add_array(&params, OID_TEXT, 1);
    params_push_text(&params, "ab");
    assert_int_equal(params.count, 6);
    assert_true(params.plain[0]);
    assert_false(params.plain[1]);
    assert_bytes(&params, 0, "acme", 4);
    assert_bytes(&params, 1, "\0\0\1\2", 4);
    assert_bytes(&params, 2, "\0\0\0\0\0\0\0\1", 8);
    assert_bytes(&params, 3, "\x3f\xf8\0\0\0\0\0\0", 8);
    assert_bytes(&params, 4, "\0\0\0\1\0\0\0\0\0\0\0\x10\0\0\0\1\0\0\0\1\0\0\0\1\1", 25);
    assert_bytes(&params, 5, "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\1\0\0\0\1\0\0\0\2ab", 26);
}

TEST(cleared_parameters_start_afresh)
{
    DEFER(params_done) Params params;

    params_init(&params);
    params_add_text(&params, "first");
    params_clear(&params);
    params_add_int4(&params, 1);
    assert_int_equal(params.count, 1);
    assert_false(params.plain[0]);
    assert_bytes(&params, 0, "\0\0\0\1", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_of_ids_is_what_postgresql_reads),
        cmocka_unit_test(an_empty_array_has_no_dimension),
        cmocka_unit_test(numbers_texts_and_booleans_stand_side_by_side),
        cmocka_unit_test(cleared_parameters_start_afresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

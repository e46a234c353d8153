#include "trace_context.h"
#include "unit.h"

static const uint8_t random_bytes[TRACE_RANDOM_BYTES] = {1, 2, 3, 0xff, [16] = 0xab, [23] = 0xcd};

TEST(a_traceparent_is_read_and_written)
{
    const char *text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    TraceContext context;
    char written[TRACEPARENT_SIZE];

    assert_true(trace_context_parse(text, &context));
    assert_string_equal(context.trace, "0af7651916cd43dd8448eb211c80319c");
    assert_string_equal(context.span, "b7ad6b7169203331");
    assert_true(context.sampled);
    trace_context_write(&context, written);
    assert_string_equal(written, text);
}

TEST(the_last_bit_of_the_flags_says_whether_it_is_recorded)
{
    static const struct {
        const char *text;
        bool sampled;
    } cases[] = {
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03", true},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        TraceContext context;

        assert_true(trace_context_parse(cases[i].text, &context));
        assert_int_equal(context.sampled, cases[i].sampled);
    }
}

TEST(anything_else_is_refused_and_changes_nothing)
{
    static const char *const texts[] = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        TraceContext context = {.trace = "before"};

        assert_false(trace_context_parse(texts[i], &context));
        assert_string_equal(context.trace, "before");
    }
}

TEST(a_child_stays_in_the_trace_and_has_a_span_of_its_own)
{
    TraceContext parent;

    assert_true(
        trace_context_parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", &parent));
    const TraceContext child = trace_context_child(&parent, random_bytes);
    assert_string_equal(child.trace, parent.trace);
    assert_string_equal(child.span, "ab000000000000cd");
    assert_false(child.sampled);
}

TEST(without_a_trace_a_new_one_begins)
{
    const TraceContext none = {.trace = ""};
    const TraceContext child = trace_context_child(&none, random_bytes);
    char written[TRACEPARENT_SIZE];

    trace_context_write(&child, written);
    assert_string_equal(written, "00-010203ff000000000000000000000000-ab000000000000cd-01");
}

TEST(an_id_is_never_of_zeros_alone)
{
    const TraceContext none = {.trace = ""};
    const uint8_t zeros[TRACE_RANDOM_BYTES] = {0};
    const TraceContext child = trace_context_child(&none, zeros);
    TraceContext read;
    char written[TRACEPARENT_SIZE];

    trace_context_write(&child, written);
    assert_true(trace_context_parse(written, &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_is_read_and_written),
        cmocka_unit_test(the_last_bit_of_the_flags_says_whether_it_is_recorded),
        cmocka_unit_test(anything_else_is_refused_and_changes_nothing),
        cmocka_unit_test(a_child_stays_in_the_trace_and_has_a_span_of_its_own),
        cmocka_unit_test(without_a_trace_a_new_one_begins),
        cmocka_unit_test(an_id_is_never_of_zeros_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

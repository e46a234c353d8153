#include "trace_context.h"

static const char shape[] = "00-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
static const char digits[] = "0123456789abcdef";

enum { TRACE_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, TRACE_BYTES = 16, SPAN_BYTES = 8 };

static_assert(sizeof shape == TRACEPARENT_SIZE, "a traceparent fits");

bool trace_context_parse(const char *text, TraceContext *ret_context)
{
    TraceContext context;

    if (strlen(text) != strlen(shape))
        return false;
    for (size_t i = 0; shape[i] != '\0'; i++) {
        if (shape[i] == 'h' ? strchr(digits, text[i]) == NULL : text[i] != shape[i])
            return false;
    }
    (void)snprintf(context.trace, sizeof context.trace, "%.32s", text + TRACE_AT);
    (void)snprintf(context.span, sizeof context.span, "%.16s", text + SPAN_AT);
    context.sampled = ((strchr(digits, text[FLAGS_AT + 1]) - digits) & 1) != 0;
    if (context.trace[strspn(context.trace, "0")] == '\0' ||
        context.span[strspn(context.span, "0")] == '\0')
        return false;
    *ret_context = context;
    return true;
}

/* Never zeros alone, which would be no id. */
static void id_write(const uint8_t *bytes, size_t count, char *ret)
{
    for (size_t i = 0; i < count; i++) {
        ret[2 * i] = digits[bytes[i] >> 4];
        ret[2 * i + 1] = digits[bytes[i] & 0xf];
    }
    ret[2 * count] = '\0';
    if (ret[strspn(ret, "0")] == '\0')
        ret[0] = '1';
}

TraceContext trace_context_child(const TraceContext *parent,
                                 const uint8_t random[TRACE_RANDOM_BYTES])
{
    TraceContext context = *parent;

    if (parent->trace[0] == '\0') {
        id_write(random, TRACE_BYTES, context.trace);
        context.sampled = true;
    }
    id_write(random + TRACE_BYTES, SPAN_BYTES, context.span);
    return context;
}

void trace_context_write(const TraceContext *context, char ret_text[TRACEPARENT_SIZE])
{
    (void)snprintf(ret_text, TRACEPARENT_SIZE, "00-%s-%s-%s", context->trace, context->span,
                   context->sampled ? "01" : "00");
}

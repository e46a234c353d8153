/* Where in a trace something happens, as W3C's Trace Context writes it:
 * "00-<32 digits of the trace>-<16 of the span>-<2 of flags>". Pure: random bytes are handed in. */
#ifndef TRACE_CONTEXT_H
#define TRACE_CONTEXT_H

#include "base.h"

enum { TRACE_ID_SIZE = 33, SPAN_ID_SIZE = 17, TRACEPARENT_SIZE = 56, TRACE_RANDOM_BYTES = 24 };

typedef struct TraceContext {
    char trace[TRACE_ID_SIZE]; /* "": there is no trace */
    char span[SPAN_ID_SIZE];
    bool sampled; /* whoever began the trace wants it recorded */
} TraceContext;

/* False, and *ret_context as it was, for anything but a valid traceparent of version 00. */
bool trace_context_parse(const char *text, TraceContext *ret_context);

/* A span of its own in PARENT's trace; in a new, sampled one where PARENT has none. */
TraceContext trace_context_child(const TraceContext *parent,
                                 const uint8_t random[TRACE_RANDOM_BYTES]);

void trace_context_write(const TraceContext *context, char ret_text[TRACEPARENT_SIZE]);

#endif

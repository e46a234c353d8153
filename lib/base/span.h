/* A span of a trace, and its form in OTLP's JSON. Pure. */
#ifndef SPAN_H
#define SPAN_H

#include "base.h"
#include "trace_context.h"

enum { SPAN_ATTRIBUTES_MAX = 16 };

/* OTLP's numbers. */
typedef enum SpanKind {
    SPAN_INTERNAL = 1,
    SPAN_SERVER = 2,
    SPAN_CLIENT = 3,
    SPAN_PRODUCER = 4,
    SPAN_CONSUMER = 5,
} SpanKind;

typedef struct SpanAttribute {
    const char *key;
    const char *text; /* NULL: it is the number */
    int64_t number;
} SpanAttribute;

/* Texts are borrowed. */
typedef struct Span {
    TraceContext context;
    char parent[SPAN_ID_SIZE]; /* "": this is the first of its trace */
    const char *name;
    SpanKind kind;
    int64_t start_us; /* since 1970 */
    int64_t end_us;
    SpanAttribute attributes[SPAN_ATTRIBUTES_MAX];
    size_t attribute_count;
    const char *failure; /* NULL: it did not fail */
} Span;

/* An empty TEXT is left out. */
void span_add_text(Span *span, const char *key, const char *text);
void span_add_int(Span *span, const char *key, int64_t number);

/* As JSON, without white space. The caller frees it. */
char *span_json(const Span *span) __attribute__((__returns_nonnull__));

/* Who made the spans of a request to the collector. */
typedef struct SpanSource {
    const char *service;
    const char *version;
    const char *instance;
} SpanSource;

/* The body of such a request; SPANS are texts of span_json(). The caller frees it. */
char *span_batch_json(const SpanSource *source, char *const *spans, size_t count)
    __attribute__((__returns_nonnull__));

#endif

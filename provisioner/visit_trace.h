/* A request as a span: in the trace that its event came with, in one of its own where none came or
 * the signature is not good. */
#ifndef VISIT_TRACE_H
#define VISIT_TRACE_H

#include "otlp.h"
#include "visit.h"

/* From here on the event's trace goes on from a span of ours. Once is enough, more do no harm. */
void visit_trace_begin(Visit *visit);

/* CODE and NOW_US as audit_visit(). */
void visit_trace_end(const Visit *visit, unsigned code, int64_t now_us, Otlp *otlp);

#endif

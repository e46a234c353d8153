/* Durations and quantities as Kubernetes writes them, to and from numbers. */
#ifndef UNITS_H
#define UNITS_H

#include "base.h"
#include "error.h"

enum { DURATION_TEXT_SIZE = 64 };

/* GEP-2257: one to four parts of up to five digits and h, m, s or ms ("1h30m"). Nanoseconds.
 * ERROR_INVALID otherwise. */
int duration_parse(const char *text, int64_t *ret_ns, Error *reterr) MUST_CHECK;

/* The shortest such text, with more than five digits only above 99999h; what is below a
 * millisecond is cut. NS is not negative. */
void duration_format(int64_t ns, char ret_text[DURATION_TEXT_SIZE]);

/* A Kubernetes quantity that is a whole number of bytes: "512", "10Gi", "1.5M". ERROR_INVALID
 * otherwise, and above 2^53. */
int quantity_parse(const char *text, int64_t *ret_bytes, Error *reterr) MUST_CHECK;

/* Decimal digits alone, from MIN to MAX. ERROR_INVALID otherwise. */
int count_parse(const char *text, int64_t min, int64_t max, int64_t *ret_count, Error *reterr)
    MUST_CHECK;

#endif

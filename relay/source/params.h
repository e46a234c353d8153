/* Parameters of a statement, in PostgreSQL's binary form. */
#ifndef PARAMS_H
#define PARAMS_H

#include "text.h"

enum { PARAMS_MAX = 8, PARAM_BYTES_MAX = 4 << 20 };

typedef struct Params {
    Text bytes[PARAMS_MAX];
    bool plain[PARAMS_MAX]; /* text, not binary */
    size_t count;
} Params;

void params_init(Params *params);
void params_done(Params *params);
void params_clear(Params *params);

void params_add_text(Params *params, const char *text);
void params_add_int4(Params *params, int32_t number);
void params_add_int8(Params *params, int64_t number);
void params_add_float8(Params *params, double number);

/* Arrays: begin with how many there will be, then that many elements. */
void params_add_array(Params *params, uint32_t element_oid, size_t count);
void params_push_text(Params *params, const char *text);
void params_push_int4(Params *params, int32_t number);
void params_push_int8(Params *params, int64_t number);
void params_push_float8(Params *params, double number);
void params_push_bool(Params *params, bool truth);

/* An int8[] at once. */
void params_add_ids(Params *params, const int64_t *ids, size_t count);

enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_FLOAT8 = 701 };

#endif

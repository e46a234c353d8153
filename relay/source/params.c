#include "params.h"

#include <endian.h>

void params_init(Params *params)
{
    *params = (Params){0};
    for (size_t i = 0; i < PARAMS_MAX; i++)
        params->bytes[i] = TEXT_MAX(PARAM_BYTES_MAX);
}

void params_done(Params *params)
{
    for (size_t i = 0; i < PARAMS_MAX; i++)
        text_done(&params->bytes[i]);
}

void params_clear(Params *params)
{
    for (size_t i = 0; i < params->count; i++)
        text_clear(&params->bytes[i]);
    params->count = 0;
}

static Text *next(Params *params, bool plain)
{
    assert(params->count < PARAMS_MAX);
    params->plain[params->count] = plain;
    return &params->bytes[params->count++];
}

static Text *last(Params *params)
{
    assert(params->count > 0);
    return &params->bytes[params->count - 1];
}

static void put_int4(Text *text, int32_t number)
{
    uint32_t wire = htobe32((uint32_t)number);

    text_add_bytes(text, &wire, sizeof wire);
}

static void put_int8(Text *text, int64_t number)
{
    uint64_t wire = htobe64((uint64_t)number);

    text_add_bytes(text, &wire, sizeof wire);
}

static void put_float8(Text *text, double number)
{
    int64_t bits;

    memcpy(&bits, &number, sizeof bits);
    put_int8(text, bits);
}

void params_add_text(Params *params, const char *text)
{
    text_add(next(params, true), text);
}

void params_add_int4(Params *params, int32_t number)
{
    put_int4(next(params, false), number);
}

void params_add_int8(Params *params, int64_t number)
{
    put_int8(next(params, false), number);
}

void params_add_float8(Params *params, double number)
{
    put_float8(next(params, false), number);
}

void params_add_array(Params *params, uint32_t element_oid, size_t count)
{
    Text *text = next(params, false);

    put_int4(text, count > 0 ? 1 : 0); /* dimensions */
    put_int4(text, 0);                 /* no NULLs   */
    put_int4(text, (int32_t)element_oid);
    if (count == 0)
        return;
    put_int4(text, (int32_t)count);
    put_int4(text, 1); /* the first index */
}

void params_push_text(Params *params, const char *text)
{
    put_int4(last(params), (int32_t)strlen(text));
    text_add(last(params), text);
}

void params_push_int4(Params *params, int32_t number)
{
    put_int4(last(params), sizeof number);
    put_int4(last(params), number);
}

void params_push_int8(Params *params, int64_t number)
{
    put_int4(last(params), sizeof number);
    put_int8(last(params), number);
}

void params_push_float8(Params *params, double number)
{
    put_int4(last(params), sizeof number);
    put_float8(last(params), number);
}

void params_push_bool(Params *params, bool truth)
{
    char byte = truth ? 1 : 0;

    put_int4(last(params), sizeof byte);
    text_add_bytes(last(params), &byte, sizeof byte);
}

void params_add_ids(Params *params, const int64_t *ids, size_t count)
{
    params_add_array(params, OID_INT8, count);
    for (size_t i = 0; i < count; i++)
        params_push_int8(params, ids[i]);
}

#include "settle.h"

enum { WHY_MAX = 400 };

static int add_ids(Part *part, Params *params, const char *statement, const FlightIds *ids,
                   Error *reterr)
{
    if (ids->count == 0)
        return 0;
    params_clear(params);
    params_add_ids(params, ids->at, ids->count);
    return part_add(part, statement, params, reterr);
}

/* What a server answered may be cut within a character, and PostgreSQL takes valid text only. */
static void push_plain(Params *params, const char *text)
{
    char plain[WHY_MAX];
    (void)snprintf(plain, sizeof plain, "%s", text);
    for (char *c = plain; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    params_push_text(params, plain);
}

static void put_ids(Params *params, const FlightFailures *failures)
{
    params_clear(params);
    params_add_array(params, OID_INT8, failures->count);
    for (size_t i = 0; i < failures->count; i++)
        params_push_int8(params, failures->at[i].id);
}

static void put_reasons(Params *params, const FlightFailures *failures)
{
    params_add_array(params, OID_TEXT, failures->count);
    for (size_t i = 0; i < failures->count; i++)
        push_plain(params, failures->at[i].why);
}

static int add_retry(Part *part, Params *params, const FlightFailures *failures, Error *reterr)
{
    if (failures->count == 0)
        return 0;
    put_ids(params, failures);
    put_reasons(params, failures);
    params_add_array(params, OID_BOOL, failures->count);
    for (size_t i = 0; i < failures->count; i++)
        params_push_bool(params, failures->at[i].soon);
    return part_add(part, "retry", params, reterr);
}

static int add_bury(Part *part, Params *params, const FlightFailures *failures, Error *reterr)
{
    if (failures->count == 0)
        return 0;
    put_ids(params, failures);
    params_add_array(params, OID_TEXT, failures->count);
    for (size_t i = 0; i < failures->count; i++)
        params_push_text(params, failure_word(failures->at[i].cause));
    put_reasons(params, failures);
    return part_add(part, "bury", params, reterr);
}

int settle_add(Part *part, Params *params, const Settlement *settlement, OnPublished on_published,
               Error *reterr)
{
    bool mark = on_published == ON_PUBLISHED_MARK;

    if (add_ids(part, params, mark ? "mark_rows" : "delete_rows", &settlement->stored, reterr) <
            0 ||
        add_ids(part, params, mark ? "mark_late" : "delete_late", &settlement->late, reterr) < 0 ||
        add_retry(part, params, &settlement->retry, reterr) < 0)
        return -1;
    return add_bury(part, params, &settlement->bury, reterr);
}

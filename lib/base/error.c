#include "error.h"

static const struct {
    const char *reason;
    Retry retry;
} kinds[] = {
#define X(kind, reason, retry) [kind] = {reason, retry},
    ERROR_KINDS(X)
#undef X
};

void error_fill(Error *reterr, ErrorKind kind, const char *format, ...)
{
    va_list args;

    assert(kind != ERROR_NONE);
    reterr->kind = kind;
    va_start(args, format);
    (void)vsnprintf(reterr->text, sizeof reterr->text, format, args);
    va_end(args);
}

void error_prefix(Error *reterr, const char *format, ...)
{
    char context[ERROR_TEXT_MAX];
    char inner[ERROR_TEXT_MAX];
    va_list args;

    assert(reterr->kind != ERROR_NONE);
    va_start(args, format);
    (void)vsnprintf(context, sizeof context, format, args);
    va_end(args);
    memcpy(inner, reterr->text, sizeof inner);
    (void)snprintf(reterr->text, sizeof reterr->text, "%.128s: %.380s", context, inner);
}

const char *error_reason(ErrorKind kind)
{
    assert((size_t)kind < ARRAY_SIZE(kinds));
    return kinds[kind].reason;
}

Retry error_retry(ErrorKind kind)
{
    assert((size_t)kind < ARRAY_SIZE(kinds));
    return kinds[kind].retry;
}

bool error_is_terminal(ErrorKind kind)
{
    return error_retry(kind) == RETRY_SLOWLY || error_retry(kind) == RETRY_ON_CHANGE;
}

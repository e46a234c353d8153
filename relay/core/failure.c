#include "failure.h"

static const struct {
    FailureClass class;
    const char *word;
    const char *text;
} causes[] = {
#define X(cause, class, word, text) [cause] = {class, word, text},
    FAILURE_CAUSES(X)
#undef X
};

/* JetStream's err_code (server/errors.json) -> cause. */
static const struct {
    int64_t err_code;
    FailureCause cause;
} codes[] = {
    {10002, FAILURE_FULL},         /* resource limits exceeded for account    */
    {10008, FAILURE_AWAY},         /* JetStream temporarily unavailable       */
    {10009, FAILURE_AWAY},         /* not the leader                          */
    {10023, FAILURE_AWAY},         /* insufficient resources                  */
    {10028, FAILURE_FULL},         /* insufficient memory                     */
    {10039, FAILURE_NO_STREAM},    /* JetStream not enabled for the account   */
    {10047, FAILURE_FULL},         /* insufficient storage                    */
    {10054, FAILURE_TOO_LARGE},    /* message size exceeds maximum            */
    {10059, FAILURE_NO_STREAM},    /* stream not found                        */
    {10060, FAILURE_WRONG_STREAM}, /* expected stream does not match          */
    {10076, FAILURE_AWAY},         /* JetStream not enabled                   */
    {10077, FAILURE_FULL},         /* store failed: maximum bytes, messages   */
    {10097, FAILURE_TOO_LARGE},    /* header exceeds 64k                      */
    {10109, FAILURE_SEALED},       /* sealed                                  */
    {10118, FAILURE_AWAY},         /* stream is offline                       */
    {10122, FAILURE_FULL},         /* max bytes exceeds the account's limit   */
    {10158, FAILURE_BUSY},         /* the same message id is being stored     */
    {10167, FAILURE_BUSY},         /* too many requests                       */
    {10194, FAILURE_AWAY},         /* stream is offline, with the reason      */
};

FailureClass failure_class(FailureCause cause)
{
    assert((size_t)cause < ARRAY_SIZE(causes));
    return causes[cause].class;
}

const char *failure_word(FailureCause cause)
{
    assert((size_t)cause < ARRAY_SIZE(causes));
    return causes[cause].word;
}

const char *failure_text(FailureCause cause)
{
    assert((size_t)cause < ARRAY_SIZE(causes));
    return causes[cause].text;
}

FailureCause failure_from_code(int64_t err_code, int64_t http_code)
{
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        if (codes[i].err_code == err_code)
            return codes[i].cause;
    }
    if (http_code == 429)
        return FAILURE_BUSY;
    return http_code >= 500 ? FAILURE_AWAY : FAILURE_UNKNOWN;
}

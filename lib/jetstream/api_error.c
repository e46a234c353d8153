#include "api_error.h"

enum { CODE_NONE = 0, HTTP_SERVER_ERROR = 500 };

/* The codes whose HTTP number says too little: the server answers 500 for a configuration that it
 * will never take, and 400 for a moment's bad luck. */
static const struct {
    int64_t code;
    ErrorKind kind;
} codes[] = {
    {10002, ERROR_LIMIT},   /* resource limits exceeded for account: raise them, or ask for less */
    {10005, ERROR_LIMIT},   /* no suitable peers: too few servers, or none with these tags */
    {10012, ERROR_REFUSED}, /* consumer create: also the wrapper of 'can not be updated' */
    {JS_CONSUMER_NOT_FOUND, ERROR_NOT_FOUND}, /* it was deleted since we looked */
    {10025, ERROR_UNSUPPORTED}, /* invalid JSON: the server does not know a field that we sent */
    {10026, ERROR_LIMIT},       /* maximum consumers limit reached */
    {10027, ERROR_LIMIT},       /* maximum number of streams reached */
    {10028, ERROR_LIMIT},       /* insufficient memory: reservations are full */
    {10035, ERROR_DENIED},      /* account not found */
    {10036, ERROR_REFUSED},     /* not supported in clustered mode */
    {10037, ERROR_NOT_FOUND},   /* no message found */
    {10039, ERROR_DENIED},      /* JetStream not enabled for account: the operator must */
    {10043, ERROR_NOT_FOUND},   /* sequence not found */
    {10047, ERROR_LIMIT},       /* insufficient storage: reservations are full */
    {10052, ERROR_REFUSED},     /* invalid stream configuration, in spite of its 500 */
    {10053, ERROR_LIMIT},       /* stream limits */
    {JS_STREAM_NAME_IN_USE, ERROR_CONFLICT}, /* somebody made it since we looked: look again */
    {JS_STREAM_NOT_FOUND, ERROR_NOT_FOUND},  /* it was deleted since we looked */
    {JS_STREAM_MISMATCH, ERROR_REFUSED},     /* another stream takes the subject */
    {10065, ERROR_REFUSED},     /* subjects overlap with a stream that is not ours to change */
    {10069, ERROR_REFUSED},     /* stream update: also the wrapper of what consumers do not allow */
    {10074, ERROR_REFUSED},     /* replicas need a cluster, in spite of its 500 */
    {10120, ERROR_DENIED},      /* no JetStream limits apply to the account */
    {10121, ERROR_LIMIT},       /* max_ack_pending over the limit of server or account */
    {10122, ERROR_LIMIT},       /* max_bytes over the account's limit of a stream */
    {10123, ERROR_REFUSED},     /* placement and replicas cannot change in one update */
    {10124, ERROR_BUSY},        /* a stream move is in progress: it ends */
    {10125, ERROR_LIMIT},       /* max_batch over the server's limit */
    {10148, ERROR_CONFLICT},    /* somebody made the consumer since we looked: look again */
    {10149, ERROR_CONFLICT},    /* somebody deleted the consumer since we looked: look again */
    {10153, ERROR_LIMIT},       /* inactive_threshold over the limit */
    {10158, ERROR_BUSY},        /* a message of this id is being stored right now */
    {10167, ERROR_BUSY},        /* too many requests (429) */
    {10185, ERROR_UNSUPPORTED}, /* the server's API level is too low */
    {10202, ERROR_BUSY},        /* the cluster's membership is changing: it ends */
    {10210, ERROR_BUSY},        /* too many atomic batches in flight (429) */
    {10211, ERROR_BUSY},        /* too many fast batches in flight (429) */
    {10226, ERROR_BUSY},        /* a stream reconfiguration is in progress: it ends */
};

ErrorKind api_error_kind(int64_t err_code, int64_t http_code)
{
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        if (codes[i].code == err_code)
            return codes[i].kind;
    }
    return http_code < HTTP_SERVER_ERROR ? ERROR_REFUSED : ERROR_BUSY;
}

int api_error_read(const cJSON *reply, Error *reterr)
{
    const cJSON *error = json_at(reply, "error");

    if (error == NULL || cJSON_IsNull(error))
        return 0;
    int64_t code = json_int(error, "err_code", CODE_NONE);
    int64_t http = json_int(error, "code", HTTP_SERVER_ERROR);

    return error_set(reterr, api_error_kind(code, http), "%s (%" PRId64 ")",
                     json_text(error, "description", "an error without a description"),
                     code != CODE_NONE ? code : http);
}

#include "row.h"

#include "subject.h"

bool bytes_text(const Bytes *bytes, char *ret, size_t size)
{
    if (bytes->at == NULL || bytes->length >= size ||
        memchr(bytes->at, '\0', bytes->length) != NULL)
        return false;
    if (bytes->length > 0)
        memcpy(ret, bytes->at, bytes->length);
    ret[bytes->length] = '\0';
    return true;
}

/* It becomes a header's value: nothing that could end the line. */
static bool msg_id_valid(const Bytes *id)
{
    for (size_t i = 0; i < id->length; i++) {
        if (id->at[i] <= ' ' || id->at[i] > '~')
            return false;
    }
    return id->length > 0 && id->length <= MSG_ID_MAX;
}

int row_check(const Row *row, Error *reterr)
{
    char tenant[TENANT_ID_MAX + 1];
    char type[EVENT_TYPE_MAX + 1];

    if (!bytes_text(&row->tenant, tenant, sizeof tenant) || !tenant_id_valid(tenant))
        return error_set(reterr, ERROR_INVALID, "tenant_id is not a tenant id");
    if (!bytes_text(&row->event_type, type, sizeof type) || !event_type_valid(type))
        return error_set(reterr, ERROR_INVALID,
                         "event_type is not words of A-Z, a-z, 0-9, _ and -, joined by dots");
    if (row->msg_id.at == NULL)
        return error_set(reterr, ERROR_INVALID, "msg_id is missing");
    if (!msg_id_valid(&row->msg_id))
        return error_set(reterr, ERROR_INVALID, "msg_id is not 1 to %d printable characters",
                         MSG_ID_MAX);
    if (row->payload_size < 0)
        return error_set(reterr, ERROR_INVALID, "payload is NULL");
    if (row->headers_too_large)
        return error_set(reterr, ERROR_INVALID, "headers are larger than allowed");
    return 0;
}

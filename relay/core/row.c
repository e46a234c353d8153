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

int row_check(const Row *row, Error *reterr)
{
    char tenant[TENANT_ID_MAX + 1];
    char type[EVENT_TYPE_MAX + 1];

    if (!bytes_text(&row->tenant, tenant, sizeof tenant) || !tenant_id_valid(tenant))
        return error_set(reterr, ERROR_INVALID, "tenant_id is not a tenant id");
    if (!bytes_text(&row->event_type, type, sizeof type) || !event_type_valid(type))
        return error_set(reterr, ERROR_INVALID,
                         "event_type is not words of A-Z, a-z, 0-9, _ and -, joined by dots");
    if (row->msg_id.at == NULL || row->msg_id.length != MSG_ID_BYTES)
        return error_set(reterr, ERROR_INVALID, "msg_id is missing");
    if (row->payload_size < 0)
        return error_set(reterr, ERROR_INVALID, "payload is NULL");
    if (row->headers_too_large)
        return error_set(reterr, ERROR_INVALID, "headers are larger than allowed");
    return 0;
}

void msg_id_text(const char id[MSG_ID_BYTES], char ret_text[MSG_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *at = ret_text;

    for (size_t i = 0; i < MSG_ID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[(unsigned char)id[i] >> 4];
        *at++ = digits[(unsigned char)id[i] & 15];
    }
    *at = '\0';
}

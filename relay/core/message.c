#include "message.h"

#include <strings.h>

#include "json.h"

/* "NATS/1.0\r\n" before the headers and "\r\n" after them; ": " and "\r\n" in each. */
enum { ENVELOPE_BYTES = 12, PER_HEADER_BYTES = 4 };

void message_init(Message *message)
{
    *message = (Message){.names_and_values = TEXT_MAX(HEADERS_BYTES_MAX)};
}

void message_done(Message *message)
{
    text_done(&message->names_and_values);
}

bool header_name_allowed(const char *name)
{
    size_t length = strnlen(name, HEADER_NAME_MAX + 1);

    if (length == 0 || length > HEADER_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-')
            return false;
    }
    return strncasecmp(name, "Nats-", 5) != 0 && strcasecmp(name, "Status") != 0 &&
           strcasecmp(name, "Description") != 0;
}

static void add_header(Message *message, const char *name, const char *value)
{
    assert(message->header_count < ARRAY_SIZE(message->headers));
    message->headers[message->header_count++] = (MessageHeader){name, value};
}

/* A text, a number or a boolean as text; NULL for anything else. NUMBER is room for one. */
static const char *value_text(const cJSON *item, char number[32])
{
    if (cJSON_IsString(item))
        return item->valuestring;
    if (cJSON_IsBool(item))
        return cJSON_IsTrue(item) ? "true" : "false";
    if (!cJSON_IsNumber(item))
        return NULL;
    DEFER(defer_free) char *printed = json_print(item);

    (void)snprintf(number, 32, "%s", printed);
    return number;
}

static int header_check(const cJSON *item, const char *value, Error *reterr)
{
    if (!header_name_allowed(item->string))
        return error_set(reterr, ERROR_INVALID,
                         "a header's name is not 1 to %d of A-Z, a-z, 0-9 and -, or it is one "
                         "that only the server may use (Nats-*, Status, Description)",
                         HEADER_NAME_MAX);
    if (value == NULL)
        return error_set(reterr, ERROR_INVALID, "header %s is not a text, number or boolean",
                         item->string);
    if (strpbrk(value, "\r\n") != NULL)
        return error_set(reterr, ERROR_INVALID, "header %s has more than one line", item->string);
    return 0;
}

/* Names and values are copied one after the other, then the pointers are set: the text moves while
 * it grows. */
static int copy_headers(Text *copy, const cJSON *object, Error *reterr)
{
    const cJSON *item = NULL;
    char number[32];

    text_clear(copy);
    cJSON_ArrayForEach (item, object) {
        const char *value = value_text(item, number);

        if (header_check(item, value, reterr) < 0)
            return -1;
        text_add_bytes(copy, item->string, strlen(item->string) + 1);
        text_add_bytes(copy, value, strlen(value) + 1);
    }
    if (copy->full)
        return error_set(reterr, ERROR_INVALID, "headers have more than %d bytes",
                         HEADERS_BYTES_MAX);
    return 0;
}

/* cJSON would end the text there. */
static bool holds_nul(const Bytes *json)
{
    for (size_t i = 0; i + 6 <= json->length; i++) {
        if (json->at[i] != '\\')
            continue;
        if (memcmp(json->at + i, "\\u0000", 6) == 0)
            return true;
        i++; /* whatever it escapes, a backslash too */
    }
    return false;
}

static int read_headers(Message *message, const Bytes *json, Error *reterr)
{
    DEFER(defer_json) cJSON *object = NULL;
    Error ignored;

    if (json->at == NULL || (json->length == 2 && memcmp(json->at, "{}", 2) == 0))
        return 0;
    if (json_parse(json->at, json->length, &object, &ignored) < 0 || !cJSON_IsObject(object))
        return error_set(reterr, ERROR_INVALID, "headers are not a JSON object");
    if (holds_nul(json))
        return error_set(reterr, ERROR_INVALID, "a header holds \\u0000, which none can carry");
    if (cJSON_GetArraySize(object) > MESSAGE_HEADERS_MAX)
        return error_set(reterr, ERROR_INVALID, "more than %d headers", MESSAGE_HEADERS_MAX);
    if (copy_headers(&message->names_and_values, object, reterr) < 0)
        return -1;

    const char *at = text_get(&message->names_and_values);
    const char *end = at + message->names_and_values.length;
    while (at < end) {
        const char *name = at;
        const char *value = name + strlen(name) + 1;

        add_header(message, name, value);
        at = value + strlen(value) + 1;
    }
    return 0;
}

static int64_t wire_bytes(const Message *message, int64_t content)
{
    int64_t bytes = ENVELOPE_BYTES + content;

    for (size_t i = 0; i < message->header_count; i++)
        bytes += (int64_t)(strlen(message->headers[i].name) + strlen(message->headers[i].value)) +
                 PER_HEADER_BYTES;
    return bytes;
}

int message_build(Message *message, const Row *row, int64_t max_payload, FailureCause *ret_cause,
                  Error *reterr)
{
    char tenant[TENANT_ID_MAX + 1];
    char type[EVENT_TYPE_MAX + 1];

    *ret_cause = FAILURE_MALFORMED;
    if (row_check(row, reterr) < 0)
        return -1;
    bool fits = bytes_text(&row->tenant, tenant, sizeof tenant) &&
                bytes_text(&row->event_type, type, sizeof type) &&
                bytes_text(&row->msg_id, message->id, sizeof message->id);
    assert(fits);
    event_subject(tenant, type, message->subject);
    stream_name(tenant, message->stream);

    message->header_count = 0;
    add_header(message, "Nats-Msg-Id", message->id);
    add_header(message, "Nats-Expected-Stream", message->stream);
    if (read_headers(message, &row->headers, reterr) < 0)
        return -1;
    int64_t bytes = wire_bytes(message, row->payload_size);
    if (bytes > max_payload) {
        *ret_cause = FAILURE_TOO_LARGE;
        return error_set(reterr, ERROR_INVALID,
                         "with its headers the event has %" PRId64 " bytes, the NATS server takes "
                         "%" PRId64 " (max_payload)",
                         bytes, max_payload);
    }
    message->content = row->payload;
    return 0;
}

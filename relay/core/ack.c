#include "ack.h"

#include "json.h"

static void refused(Ack *ret_ack, FailureCause cause, int64_t code, const char *text)
{
    *ret_ack = (Ack){.cause = cause, .code = code};
    (void)snprintf(ret_ack->text, sizeof ret_ack->text, "%s", text);
}

static void read_error(const cJSON *reply, Ack *ret_ack)
{
    char text[ACK_TEXT_MAX];
    int64_t code = json_int(reply, "error.err_code", 0);
    FailureCause cause = failure_from_code(code, json_int(reply, "error.code", 0));

    (void)snprintf(text, sizeof text, "%s: %s (JetStream %" PRId64 ")", failure_text(cause),
                   json_text(reply, "error.description", "no description"), code);
    refused(ret_ack, cause, code, text);
}

typedef struct Cursor {
    const char *at;
    const char *end;
} Cursor;

static bool skip(Cursor *cursor, const char *text)
{
    size_t length = strlen(text);

    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, text, length) != 0)
        return false;
    cursor->at += length;
    return true;
}

/* A number above 0, as JSON writes it. */
static bool skip_positive(Cursor *cursor)
{
    const char *first = cursor->at;

    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9')
        cursor->at++;
    return cursor->at > first && *first != '0';
}

/* {"stream":"TENANT_ACME","seq":12} is nearly all that comes, and needs no JSON parser. */
static bool is_plain(const char *data, size_t length, const char *stream, bool *ret_duplicate)
{
    Cursor cursor = {data, data + length};

    if (!skip(&cursor, "{\"stream\":\"") || !skip(&cursor, stream) ||
        !skip(&cursor, "\",\"seq\":") || !skip_positive(&cursor))
        return false;
    *ret_duplicate = skip(&cursor, ",\"duplicate\":true");
    return skip(&cursor, "}") && cursor.at == cursor.end;
}

void ack_parse(const char *data, size_t length, const char *stream, Ack *ret_ack)
{
    DEFER(defer_json) cJSON *reply = NULL;
    bool duplicate = false;
    Error ignored;

    if (is_plain(data, length, stream, &duplicate)) {
        *ret_ack = (Ack){.stored = true, .count = 1, .duplicate = duplicate};
        return;
    }
    if (json_parse(data, length, &reply, &ignored) < 0) {
        refused(ret_ack, FAILURE_UNKNOWN, 0, "the answer to the publish is not JSON");
        return;
    }
    if (json_at(reply, "error") != NULL) {
        read_error(reply, ret_ack);
        return;
    }
    const char *named = json_text(reply, "stream", "");
    if (!text_eq(named, stream) || json_int(reply, "seq", 0) <= 0) {
        char text[ACK_TEXT_MAX];

        (void)snprintf(text, sizeof text, "the answer names stream '%.64s' where '%s' was due",
                       named, stream);
        refused(ret_ack, FAILURE_WRONG_STREAM, 0, text);
        return;
    }
    *ret_ack = (Ack){.stored = true, .count = 1, .duplicate = json_bool(reply, "duplicate", false)};
}

/* {"stream":"TENANT_ACME","seq":12,"batch":"...","count":10}; the sequence is 0 where the stream
 * had all of them already. */
void ack_parse_run(const char *data, size_t length, const char *stream, Ack *ret_ack)
{
    DEFER(defer_json) cJSON *reply = NULL;
    Error ignored;

    *ret_ack = (Ack){.cause = FAILURE_UNKNOWN};
    if (json_parse(data, length, &reply, &ignored) < 0 || json_at(reply, "error") != NULL ||
        !text_eq(json_text(reply, "stream", ""), stream))
        return;
    ret_ack->count = max_i64(json_int(reply, "count", 0), 0);
    ret_ack->stored = ret_ack->count > 0;
}

void ack_no_responders(const char *stream, Ack *ret_ack)
{
    char text[ACK_TEXT_MAX];

    (void)snprintf(text, sizeof text, "%s (%s)", failure_text(FAILURE_NO_STREAM), stream);
    refused(ret_ack, FAILURE_NO_STREAM, 0, text);
}

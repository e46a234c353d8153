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

void ack_parse(const char *data, size_t length, const char *stream, Ack *ret_ack)
{
    DEFER(defer_json) cJSON *reply = NULL;
    Error ignored;

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
    *ret_ack = (Ack){.stored = true, .duplicate = json_bool(reply, "duplicate", false)};
}

void ack_no_responders(const char *stream, Ack *ret_ack)
{
    char text[ACK_TEXT_MAX];

    (void)snprintf(text, sizeof text, "%s (%s)", failure_text(FAILURE_NO_STREAM), stream);
    refused(ret_ack, FAILURE_NO_STREAM, 0, text);
}

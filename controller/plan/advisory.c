#include "advisory.h"

#include "json.h"

enum { PAYLOAD_MAX = 1024 * 1024, TOKEN_MAX = STREAM_NAME_SIZE };

#define API_AUDIT "$JS.EVENT.ADVISORY.API"

/* Requests that change something; the stream's name is the token behind. */
static const char *const changing[] = {
    "$JS.API.STREAM.CREATE.",   "$JS.API.STREAM.UPDATE.",   "$JS.API.STREAM.DELETE.",
    "$JS.API.STREAM.PURGE.",    "$JS.API.CONSUMER.CREATE.", "$JS.API.CONSUMER.DURABLE.CREATE.",
    "$JS.API.CONSUMER.DELETE.", "$JS.API.CONSUMER.PAUSE.",
};

/* Deletions that nobody asked the API for: an idle consumer, a limit. */
static const char *const vanishing[] = {
    "$JS.EVENT.ADVISORY.STREAM.DELETED.",
    "$JS.EVENT.ADVISORY.CONSUMER.DELETED.",
};

/* The tenant whose stream is the first token of TEXT. */
static bool tenant_at(const char *text, char ret_tenant_id[TENANT_ID_MAX + 1])
{
    char stream[TOKEN_MAX];
    size_t length = strcspn(text, ".");

    if (length >= sizeof stream)
        return false;
    memcpy(stream, text, length);
    stream[length] = '\0';
    return stream_tenant(stream, ret_tenant_id);
}

static bool tenant_behind(const char *const *prefixes, size_t count, const char *subject,
                          char ret_tenant_id[TENANT_ID_MAX + 1])
{
    for (size_t i = 0; i < count; i++) {
        if (text_starts(subject, prefixes[i]))
            return tenant_at(subject + strlen(prefixes[i]), ret_tenant_id);
    }
    return false;
}

static bool refused(const cJSON *audit)
{
    const char *response = json_text(audit, "response", "");
    DEFER(defer_json) cJSON *reply = NULL;
    Error error;

    return json_parse(response, strlen(response), &reply, &error) == 0 &&
           json_at(reply, "error") != NULL;
}

bool advisory_concerns(const Advisory *advisory, const char *self,
                       char ret_tenant_id[TENANT_ID_MAX + 1])
{
    DEFER(defer_json) cJSON *audit = NULL;
    Error error;

    if (!text_eq(advisory->subject, API_AUDIT))
        return tenant_behind(vanishing, ARRAY_SIZE(vanishing), advisory->subject, ret_tenant_id);
    if (advisory->length > PAYLOAD_MAX ||
        json_parse(advisory->payload, advisory->length, &audit, &error) < 0)
        return false;
    return tenant_behind(changing, ARRAY_SIZE(changing), json_text(audit, "subject", ""),
                         ret_tenant_id) &&
           !text_eq(json_text(audit, "client.name", ""), self) && !refused(audit);
}

#include "account_event_body.h"

#include <openssl/evp.h>
#include <strings.h>

#include "alloc.h"
#include "text.h"

enum { ATTRIBUTE_MAX = 1024, ATTRIBUTES_BYTES_MAX = 8 * ATTRIBUTE_MAX, MEDIA_TYPE_MAX = 64 };

void event_body_done(EventBody *body)
{
    cJSON_Delete(body->root);
    body->root = NULL;
}

/* "application/json; charset=utf-8" -> "application/json", and whether its charset is UTF-8. */
static bool media_type_read(const char *header, char ret_type[MEDIA_TYPE_MAX])
{
    size_t length = strcspn(header, "; ");
    const char *charset = strcasestr(header, "charset=");

    (void)snprintf(ret_type, MEDIA_TYPE_MAX, "%.*s", length < MEDIA_TYPE_MAX ? (int)length : 0,
                   header);
    if (charset == NULL)
        return true;
    charset += strlen("charset=");
    charset += *charset == '"' ? 1 : 0;
    length = strcspn(charset, "\"; ");
    return length == strlen("utf-8") && strncasecmp(charset, "utf-8", length) == 0;
}

static bool is_json(const char *type)
{
    size_t length = strlen(type);

    return strcasecmp(type, "application/json") == 0 ||
           (length > 5 && strcasecmp(type + length - 5, "+json") == 0);
}

static int form_read(const EventInput *input, EventBodyForm *ret_form, Problem *retproblem)
{
    char type[MEDIA_TYPE_MAX];
    const char *header = input->content_type != NULL ? input->content_type : "";

    if (input->content_encoding != NULL && strcasecmp(input->content_encoding, "identity") != 0)
        return problem_set(retproblem, PROBLEM_MEDIA_TYPE, "Content-Encoding is not supported");
    if (!media_type_read(header, type))
        return problem_set(retproblem, PROBLEM_MEDIA_TYPE, "the charset must be utf-8");
    if (strcasecmp(type, "application/cloudevents-batch+json") == 0)
        return problem_set(retproblem, PROBLEM_MEDIA_TYPE,
                           "batches of CloudEvents are not supported: send one event a request");
    if (!is_json(type))
        return problem_set(retproblem, PROBLEM_MEDIA_TYPE,
                           "Content-Type must be application/json or application/cloudevents+json");
    if (strcasecmp(type, "application/cloudevents+json") == 0)
        *ret_form = EVENT_BODY_STRUCTURED;
    else
        *ret_form = input->ce_specversion != NULL ? EVENT_BODY_BINARY : EVENT_BODY_PLAIN;
    return 0;
}

/* The escape \u0000 ends a C string in the middle, so that two readers would see two texts. */
static bool has_nul(const char *text, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++) {
        if (text[i] != '\\')
            continue;
        if (i + 5 < length && memcmp(text + i, "\\u0000", 6) == 0)
            return true;
        i++; /* what is escaped, perhaps another backslash */
    }
    return memchr(text, '\0', length) != NULL;
}

static int json_read(const char *text, size_t length, cJSON **ret_json, Problem *retproblem)
{
    Error error;

    if (!utf8_valid(text, length))
        return problem_set(retproblem, PROBLEM_MALFORMED_EVENT, "the body is not UTF-8");
    if (has_nul(text, length))
        return problem_set(retproblem, PROBLEM_MALFORMED_EVENT, "the body has a NUL character");
    if (json_parse(text, length, ret_json, &error) < 0)
        return problem_set(retproblem, PROBLEM_MALFORMED_EVENT, "the body: %.200s", error.text);
    return 0;
}

static int hex_value(char c)
{
    const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* Values of ce-* headers are percent-encoded. */
static int percent_decode(const char *text, Text *ret)
{
    for (; *text != '\0'; text++) {
        char c = *text;

        if (c == '%') {
            int high = hex_value(text[1]);
            int low = high >= 0 ? hex_value(text[2]) : -1;

            if (low < 0 || high * 16 + low == 0)
                return -1;
            c = (char)(high * 16 + low);
            text += 2;
        }
        text_add_bytes(ret, &c, 1);
    }
    return ret->full || !utf8_valid(text_get(ret), ret->length) ? -1 : 0;
}

/* Attributes are part of what the sender said, so that they count in the digest. */
static int attribute_add(cJSON *root, Text *digested, const char *name, const char *value,
                         Problem *retproblem)
{
    DEFER(text_done) Text decoded = TEXT_MAX(ATTRIBUTE_MAX);

    if (value == NULL)
        return 0;
    if (percent_decode(value, &decoded) < 0)
        return problem_set(retproblem, PROBLEM_MALFORMED_EVENT,
                           "the header ce-%s is longer than %d bytes or not rightly encoded", name,
                           ATTRIBUTE_MAX);
    json_set_text(root, name, text_get(&decoded));
    text_addf(digested, "%s=%s\n", name, text_get(&decoded));
    return 0;
}

static int required_check(const cJSON *root, Problem *retproblem)
{
    static const char *const names[] = {"id", "source", "type"};

    if (!text_eq(json_text(root, "specversion", ""), "1.0"))
        return problem_set(retproblem, PROBLEM_MALFORMED_EVENT,
                           "a CloudEvent must have specversion 1.0");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (*json_text(root, names[i], "") == '\0')
            return problem_set(retproblem, PROBLEM_MALFORMED_EVENT, "a CloudEvent must have %s",
                               names[i]);
    }
    return 0;
}

static int binary_read(const EventInput *input, EventBody *body, Problem *retproblem)
{
    DEFER(text_done) Text digested = TEXT_MAX(input->length + ATTRIBUTES_BYTES_MAX);
    cJSON *data = NULL;

    body->root = cJSON_CreateObject();
    if (attribute_add(body->root, &digested, "specversion", input->ce_specversion, retproblem) <
            0 ||
        attribute_add(body->root, &digested, "id", input->ce_id, retproblem) < 0 ||
        attribute_add(body->root, &digested, "source", input->ce_source, retproblem) < 0 ||
        attribute_add(body->root, &digested, "type", input->ce_type, retproblem) < 0 ||
        attribute_add(body->root, &digested, "time", input->ce_time, retproblem) < 0 ||
        attribute_add(body->root, &digested, "subject", input->ce_subject, retproblem) < 0 ||
        required_check(body->root, retproblem) < 0 ||
        json_read(input->body, input->length, &data, retproblem) < 0)
        return -1;
    json_set(body->root, "data", data);
    text_add_bytes(&digested, input->body, input->length);
    assert(!digested.full);
    digest_text(text_get(&digested), digested.length, body->digest);
    return 0;
}

/* A structured CloudEvent may carry its JSON data as base64. */
static int data_base64_read(cJSON *root, Problem *retproblem)
{
    const char *encoded = json_text(root, "data_base64", NULL);
    size_t length = encoded != NULL ? strlen(encoded) : 0;
    DEFER(defer_free) char *bytes = xmalloc(length + 4);
    cJSON *data = NULL;

    if (encoded == NULL)
        return 0;
    int decoded =
        EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)encoded, (int)length);
    if (length == 0 || length % 4 != 0 || decoded < 0)
        return problem_set(retproblem, PROBLEM_MALFORMED_EVENT, "data_base64 is not base64");
    decoded -= (encoded[length - 1] == '=' ? 1 : 0) + (encoded[length - 2] == '=' ? 1 : 0);
    if (decoded < 0 || json_read(bytes, (size_t)decoded, &data, retproblem) < 0)
        return problem_set(retproblem, PROBLEM_MALFORMED_EVENT, "data_base64 does not hold JSON");
    json_set(root, "data", data);
    return 0;
}

static int whole_read(const EventInput *input, EventBody *body, Problem *retproblem)
{
    if (json_read(input->body, input->length, &body->root, retproblem) < 0)
        return -1;
    if (!cJSON_IsObject(body->root))
        return problem_set(retproblem, PROBLEM_MALFORMED_EVENT, "the body must be a JSON object");
    digest_text(input->body, input->length, body->digest);
    if (body->form == EVENT_BODY_PLAIN)
        return 0;
    return required_check(body->root, retproblem) < 0 ||
                   data_base64_read(body->root, retproblem) < 0
               ? -1
               : 0;
}

int event_body_parse(const EventInput *input, EventBody *ret_body, Problem *retproblem)
{
    DEFER(event_body_done) EventBody body = {0};

    if (form_read(input, &body.form, retproblem) < 0)
        return -1;
    if ((body.form == EVENT_BODY_BINARY ? binary_read : whole_read)(input, &body, retproblem) < 0)
        return -1;
    *ret_body = body;
    body.root = NULL;
    return 0;
}

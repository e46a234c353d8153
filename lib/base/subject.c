#include "subject.h"

#define STREAM_PREFIX "TENANT_"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

bool tenant_id_valid(const char *id)
{
    size_t length = strnlen(id, TENANT_ID_MAX + 1);

    if (length == 0 || length > TENANT_ID_MAX || id[0] == '-' || id[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_lower(id[i]) && !is_digit(id[i]) && id[i] != '-')
            return false;
    }
    return true;
}

bool event_type_valid(const char *type)
{
    size_t length = strnlen(type, EVENT_TYPE_MAX + 1);
    bool token_open = false;

    if (length > EVENT_TYPE_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = type[i];

        if (c == '.' && !token_open)
            return false;
        if (c != '.' && !is_lower(c) && !is_upper(c) && !is_digit(c) && c != '_' && c != '-')
            return false;
        token_open = c != '.';
    }
    return token_open;
}

void stream_name(const char *tenant_id, char ret_name[STREAM_NAME_SIZE])
{
    assert(tenant_id_valid(tenant_id));
    (void)snprintf(ret_name, STREAM_NAME_SIZE, STREAM_PREFIX "%s", tenant_id);
    for (char *c = ret_name + strlen(STREAM_PREFIX); *c != '\0'; c++) {
        if (is_lower(*c))
            *c = (char)(*c - 'a' + 'A');
    }
}

bool stream_tenant(const char *stream, char ret_tenant_id[TENANT_ID_MAX + 1])
{
    char id[TENANT_ID_MAX + 1] = "";

    if (!text_starts(stream, STREAM_PREFIX))
        return false;
    const char *rest = stream + strlen(STREAM_PREFIX);
    size_t length = strnlen(rest, sizeof id);

    if (length == sizeof id)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (is_lower(rest[i]))
            return false;
        id[i] = rest[i];
        if (is_upper(rest[i]))
            id[i] = (char)(rest[i] - 'A' + 'a');
    }
    if (!tenant_id_valid(id))
        return false;
    memcpy(ret_tenant_id, id, sizeof id);
    return true;
}

void event_subject(const char *tenant_id, const char *event_type, char ret_subject[SUBJECT_SIZE])
{
    assert(tenant_id_valid(tenant_id));
    assert(event_type_valid(event_type) || text_eq(event_type, "*") || text_eq(event_type, ">"));
    (void)snprintf(ret_subject, SUBJECT_SIZE, "tenant.%s.events.%s", tenant_id, event_type);
}

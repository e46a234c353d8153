#include "account_name.h"

#include "digest.h"

enum { SUFFIX = 8 };

/* Bytes of the sequence that begins with FIRST, and the least second byte where it matters: no
 * overlong forms, no surrogates, nothing beyond U+10FFFF. 0 if none begins so. */
static size_t sequence_of(unsigned char first, unsigned char second)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ? 0 : 3;
    if (first >= 0xf0 && first <= 0xf4)
        return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) ? 0 : 4;
    return 0;
}

bool utf8_valid(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;

    while (length > 0) {
        size_t size = sequence_of(at[0], length > 1 ? at[1] : 0);

        if (size == 0 || size > length)
            return false;
        for (size_t i = 1; i < size; i++) {
            if (at[i] < 0x80 || at[i] > 0xbf)
                return false;
        }
        at += size;
        length -= size;
    }
    return true;
}

bool account_id_valid(const char *account)
{
    size_t length = strlen(account);

    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)account[i] < ' ' || account[i] == 0x7f)
            return false;
    }
    return length > 0 && length <= ACCOUNT_ID_MAX && utf8_valid(account, length);
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static char lower(char c)
{
    if (c < 'A' || c > 'Z')
        return c;
    return (char)(c - 'A' + 'a');
}

void account_name(const char *account, char ret_name[TENANT_ID_MAX + 1])
{
    char digest[DIGEST_TEXT_SIZE];
    char slug[TENANT_ID_MAX - SUFFIX] = ""; /* room for the '-' and the end */
    size_t length = 0;

    if (tenant_id_valid(account)) {
        (void)snprintf(ret_name, TENANT_ID_MAX + 1, "%s", account);
        return;
    }
    for (const char *at = account; *at != '\0' && length < sizeof slug - 1; at++) {
        if (is_word(lower(*at)))
            slug[length++] = lower(*at);
        else if (length > 0 && slug[length - 1] != '-')
            slug[length++] = '-';
    }
    while (length > 0 && slug[length - 1] == '-')
        length--;
    slug[length] = '\0';
    digest_text(account, strlen(account), digest);
    (void)snprintf(ret_name, TENANT_ID_MAX + 1, "%s-%.*s", length > 0 ? slug : "account", SUFFIX,
                   digest);
    assert(tenant_id_valid(ret_name));
}

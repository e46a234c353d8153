#include "credentials.h"

#include <openssl/evp.h>

#include "alloc.h"
#include "json.h"

enum { JWT_MAX = 64 * 1024 };

/* The letter of standard base64 for one that is safe in addresses. */
static char standard(char letter)
{
    if (letter == '-')
        return '+';
    if (letter == '_')
        return '/';
    return letter;
}

/* The JWT's middle part, as standard base64 with its padding; NULL if there is none. The caller's.
 */
static char *claims_of(const char *text)
{
    const char *head = strstr(text, "BEGIN NATS USER JWT");
    const char *line = head != NULL ? strchr(head, '\n') : NULL;
    const char *dot = line != NULL ? strchr(line, '.') : NULL;
    size_t length = dot != NULL ? strcspn(dot + 1, ".\r\n") : 0;

    if (length == 0 || length > JWT_MAX)
        return NULL;
    char *claims = xcalloc(length + 4, 1);
    for (size_t i = 0; i < length; i++)
        claims[i] = standard(dot[1 + i]);
    for (; length % 4 != 0; length++)
        claims[length] = '=';
    return claims;
}

int64_t credentials_end(const char *text)
{
    DEFER(defer_free) char *claims = claims_of(text);
    DEFER(defer_json) cJSON *json = NULL;
    Error ignored;

    if (claims == NULL)
        return 0;
    DEFER(defer_free) char *plain = xcalloc(strlen(claims) + 1, 1);
    if (EVP_DecodeBlock((unsigned char *)plain, (const unsigned char *)claims,
                        (int)strlen(claims)) < 0 ||
        json_parse(plain, strlen(plain), &json, &ignored) < 0)
        return 0;
    return json_int(json, "exp", 0);
}

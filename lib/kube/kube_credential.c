#include "kube_credential.h"

#include <time.h>

#include "json.h"

int kube_time_parse(const char *text, int64_t *ret_wall_ms, Error *reterr)
{
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);

    if (rest != NULL && *rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    time_t seconds = timegm(&parts);
    parts.tm_gmtoff = 0;
    rest = rest != NULL ? strptime(rest, "%z", &parts) : NULL;
    if (rest == NULL || *rest != '\0')
        return error_set(reterr, ERROR_INVALID, "'%.40s': not a time as 2026-11-23T12:00:00Z",
                         text);
    *ret_wall_ms = ((int64_t)seconds - parts.tm_gmtoff) * 1000;
    return 0;
}

void kube_credential_done(KubeCredential *credential)
{
    secret_done(&credential->token);
    secret_done(&credential->client_cert);
    secret_done(&credential->client_key);
}

/* Moves a text of the answer into RET and wipes where it stood. */
static void take_text(const cJSON *status, const char *name, Secret *ret)
{
    cJSON *item = cJSON_GetObjectItemCaseSensitive(status, name);

    if (!cJSON_IsString(item) || *item->valuestring == '\0')
        return;
    *ret = secret_copy(item->valuestring, strlen(item->valuestring));
    explicit_bzero(item->valuestring, strlen(item->valuestring));
}

static int check_answer(const cJSON *answer, const char *api_version, Error *reterr)
{
    if (!text_eq(json_text(answer, "kind", ""), "ExecCredential"))
        return error_set(reterr, ERROR_DENIED, "it printed no ExecCredential");
    if (!text_eq(json_text(answer, "apiVersion", ""), api_version))
        return error_set(reterr, ERROR_DENIED, "it answered in version '%.60s', not '%.60s'",
                         json_text(answer, "apiVersion", ""), api_version);
    return 0;
}

static int read_status(const cJSON *status, KubeCredential *credential, Error *reterr)
{
    const char *expires = json_text(status, "expirationTimestamp", NULL);

    credential->expires_ms = INT64_MAX;
    take_text(status, "token", &credential->token);
    take_text(status, "clientCertificateData", &credential->client_cert);
    take_text(status, "clientKeyData", &credential->client_key);
    if ((credential->client_cert.at == NULL) != (credential->client_key.at == NULL))
        return error_set(reterr, ERROR_DENIED,
                         "it gave only one of clientCertificateData and clientKeyData");
    if (credential->token.at == NULL && credential->client_cert.at == NULL)
        return error_set(reterr, ERROR_DENIED, "it gave neither a token nor a certificate");
    secret_trim(&credential->token);
    if (expires != NULL && kube_time_parse(expires, &credential->expires_ms, reterr) < 0)
        return error_wrap(reterr, "expirationTimestamp");
    return 0;
}

int kube_credential_parse(const char *text, size_t length, const char *api_version,
                          KubeCredential *ret_credential, Error *reterr)
{
    DEFER(defer_json) cJSON *answer = NULL;
    KubeCredential credential = {0};

    if (json_parse(text, length, &answer, reterr) < 0)
        return error_set(reterr, ERROR_DENIED, "it printed no ExecCredential (not JSON)");
    if (check_answer(answer, api_version, reterr) < 0)
        return -1;
    if (read_status(json_at(answer, "status"), &credential, reterr) < 0) {
        kube_credential_done(&credential);
        return -1;
    }
    *ret_credential = credential;
    return 0;
}

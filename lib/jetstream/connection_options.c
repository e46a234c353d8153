#include "connection_options.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "certificate.h"
#include "clock.h"
#include "credentials.h"
#include "nkey.h"
#include "secret_file.h"

enum {
    CONNECT_TIMEOUT_MS = 3000,
    RECONNECT_WAIT_MS = 100,
    RECONNECT_JITTER_MS = 100,
    PING_INTERVAL_MS = 10 * 1000,
    PINGS_MAX = 2,
    WRITE_TIMEOUT_MS = 5000,
    IO_BUFFER_BYTES = 128 * 1024,
};

typedef enum ConnectionFile { FILE_CREDS, FILE_NKEY, FILE_CA, FILE_CERT, FILE_KEY } ConnectionFile;

static const char *const file_flags[] = {
    [FILE_CREDS] = "--nats-creds", [FILE_NKEY] = "--nats-nkey", [FILE_CA] = "--nats-ca",
    [FILE_CERT] = "--nats-cert",   [FILE_KEY] = "--nats-key",
};

static int file_check(const char *flag, const char *path, Error *reterr)
{
    struct stat file;

    if (path == NULL)
        return 0;
    if (stat(path, &file) < 0 || access(path, R_OK) < 0)
        return error_set(reterr, ERROR_INVALID, "%s: cannot read '%s': %s", flag, path,
                         strerror(errno));
    if (S_ISDIR(file.st_mode))
        return error_set(reterr, ERROR_INVALID, "%s: '%s' is a folder, want a file", flag, path);
    return 0;
}

static bool server_valid(const char *server)
{
    const char *host = strstr(server, "://");

    if (host != NULL && !text_starts(server, "nats://") && !text_starts(server, "tls://"))
        return false;
    host = host != NULL ? host + strlen("://") : server;
    return host[0] != '\0' && strpbrk(host, " \t/?#") == NULL;
}

/* The address may hold a password, so that no message shows it. */
static int servers_split(ConnectionOptions *self, const char *url, Error *reterr)
{
    while (*url != '\0') {
        size_t length = strcspn(url, ",");
        DEFER(defer_free) char *server = xstrndup(url, length);

        if (!server_valid(server))
            return error_set(reterr, ERROR_INVALID,
                             "--nats-url: entry %zu is not an address of a NATS server; want "
                             "nats://host:4222 or tls://host:4222, several joined by commas",
                             self->server_count + 1);
        if (self->server_count == CONNECTION_SERVERS_MAX)
            return error_set(reterr, ERROR_INVALID, "--nats-url: more than %d servers",
                             CONNECTION_SERVERS_MAX);
        self->tls = self->tls || text_starts(server, "tls://");
        self->servers[self->server_count++] = TAKE(server);
        url += length + (url[length] == ',' ? 1 : 0);
    }
    if (self->server_count == 0)
        return error_set(reterr, ERROR_INVALID,
                         "--nats-url: no server given; want nats://host:4222");
    return 0;
}

static natsStatus set_tls(const ConnectionOptions *self, natsOptions *options)
{
    natsStatus status = NATS_OK;

    if (self->tls)
        status = natsOptions_SetSecure(options, true);
    if (status == NATS_OK && self->files[FILE_CA] != NULL)
        status = natsOptions_LoadCATrustedCertificates(options, self->files[FILE_CA]);
    if (status == NATS_OK && self->files[FILE_CERT] != NULL)
        status = natsOptions_LoadCertificatesChain(options, self->files[FILE_CERT],
                                                   self->files[FILE_KEY]);
    return status;
}

static natsStatus set_reconnecting(natsOptions *options)
{
    natsStatus status = natsOptions_SetMaxReconnect(options, INT_MAX);

    if (status == NATS_OK)
        status = natsOptions_SetReconnectWait(options, RECONNECT_WAIT_MS);
    if (status == NATS_OK)
        status = natsOptions_SetReconnectJitter(options, RECONNECT_JITTER_MS, RECONNECT_JITTER_MS);
    /* One byte, since 0 means the default of 8 MB in this version. */
    if (status == NATS_OK)
        status = natsOptions_SetReconnectBufSize(options, 1);
    if (status == NATS_OK)
        status = natsOptions_SetFailRequestsOnDisconnect(options, true);
    /* A server that stops reading must not stop us for good. */
    if (status == NATS_OK)
        status = natsOptions_SetWriteDeadline(options, WRITE_TIMEOUT_MS);
    if (status == NATS_OK)
        status = natsOptions_SetPingInterval(options, PING_INTERVAL_MS);
    if (status == NATS_OK)
        status = natsOptions_SetMaxPingsOut(options, PINGS_MAX);
    return status;
}

static int nkey_read(const ConnectionOptions *self, char ret_public[NKEY_PUBLIC_SIZE],
                     Error *reterr)
{
    DEFER(secret_done) Secret seed = {0};

    if (secret_read(self->files[FILE_NKEY], &seed, reterr) < 0)
        return error_wrap(reterr, "--nats-nkey");
    if (nkey_public(seed.at, ret_public, reterr) < 0)
        return error_wrap(reterr, "--nats-nkey: '%s'", self->files[FILE_NKEY]);
    return 0;
}

/* The server is told the public key and gets its nonce signed; nats.c reads the seed for that at
 * each connect. */
static natsStatus set_nkey(const ConnectionOptions *self, natsOptions *options)
{
    char public[NKEY_PUBLIC_SIZE];
    Error ignored;

    if (self->files[FILE_NKEY] == NULL)
        return NATS_OK;
    if (nkey_read(self, public, &ignored) < 0)
        return NATS_INVALID_ARG;
    return natsOptions_SetNKeyFromSeed(options, public, self->files[FILE_NKEY]);
}

static int settings_check(ConnectionOptions *self, const char *url, Error *reterr)
{
    char public[NKEY_PUBLIC_SIZE];

    if (servers_split(self, url != NULL ? url : "", reterr) < 0)
        return -1;
    for (size_t i = 0; i < CONNECTION_FILES; i++) {
        if (file_check(file_flags[i], self->files[i], reterr) < 0)
            return -1;
    }
    if (self->files[FILE_CREDS] != NULL && self->files[FILE_NKEY] != NULL)
        return error_set(reterr, ERROR_INVALID, "--nats-creds and --nats-nkey: want one of them");
    if (self->files[FILE_NKEY] != NULL && nkey_read(self, public, reterr) < 0)
        return -1;
    if ((self->files[FILE_CERT] == NULL) != (self->files[FILE_KEY] == NULL))
        return error_set(reterr, ERROR_INVALID, "--nats-cert and --nats-key go together");
    if (self->files[FILE_CA] != NULL || self->files[FILE_CERT] != NULL)
        self->tls = true;
    return 0;
}

/* A file that is there but is no certificate shows only when OpenSSL reads it. */
static int tls_check(const ConnectionOptions *self, Error *reterr)
{
    DEFER(defer_nats_options) natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);

    if (status == NATS_OK)
        status = set_tls(self, options);
    if (status == NATS_OK)
        return 0;
    return error_set(reterr, ERROR_INVALID,
                     "--nats-ca, --nats-cert, --nats-key: OpenSSL does not accept the files: %s",
                     natsStatus_GetText(status));
}

natsStatus connection_options_apply(const ConnectionOptions *self, natsOptions *options)
{
    const char *servers[CONNECTION_SERVERS_MAX];

    for (size_t i = 0; i < self->server_count; i++)
        servers[i] = self->servers[i];
    natsStatus status = natsOptions_SetServers(options, servers, (int)self->server_count);

    if (status == NATS_OK)
        status = natsOptions_SetName(options, self->name);
    if (status == NATS_OK)
        status = natsOptions_SetTimeout(options, CONNECT_TIMEOUT_MS);
    if (status == NATS_OK)
        status = natsOptions_SetIOBufSize(options, IO_BUFFER_BYTES);
    if (status == NATS_OK && self->files[FILE_CREDS] != NULL)
        status = natsOptions_SetUserCredentialsFromFiles(options, self->files[FILE_CREDS], NULL);
    if (status == NATS_OK)
        status = set_nkey(self, options);
    if (status == NATS_OK)
        status = set_reconnecting(options);
    if (status == NATS_OK)
        status = set_tls(self, options);
    return status;
}

static bool credentials_have_expired(const char *path, char ret_end[CLOCK_TEXT_SIZE])
{
    DEFER(secret_done) Secret secret = {0};
    Error ignored;

    if (secret_read(path, &secret, &ignored) < 0)
        return false;
    int64_t end_s = credentials_end(secret.at);
    if (end_s <= 0 || end_s > clock_wall_ms() / 1000)
        return false;
    clock_rfc3339(end_s * 1000, ret_end);
    return true;
}

static bool expired(ConnectionFile file, const char *path, char ret_end[CERTIFICATE_TIME_SIZE])
{
    if (path == NULL)
        return false;
    return file == FILE_CERT ? certificate_has_expired(path, ret_end)
                             : credentials_have_expired(path, ret_end);
}

bool connection_options_complaint(const ConnectionOptions *self, char ret_text[ERROR_TEXT_MAX])
{
    static const ConnectionFile files[] = {FILE_CREDS, FILE_CERT};
    char end[CERTIFICATE_TIME_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        const char *path = self->files[files[i]];

        if (!expired(files[i], path, end))
            continue;
        (void)snprintf(ret_text, ERROR_TEXT_MAX, "%s: '%.300s' has expired on %s; replace it",
                       file_flags[files[i]], path, end);
        return true;
    }
    return false;
}

/* Secrets are mounted as
 * links that are swapped, so that the inode changes even where the time does not. */
uint64_t connection_options_stamp(const ConnectionOptions *self)
{
    uint64_t stamp = 0;

    for (size_t i = 0; i < CONNECTION_FILES; i++) {
        struct stat file;

        if (self->files[i] == NULL || stat(self->files[i], &file) < 0)
            continue;
        stamp = stamp * 31 + (uint64_t)file.st_mtim.tv_sec;
        stamp = stamp * 31 + (uint64_t)file.st_mtim.tv_nsec;
        stamp = stamp * 31 + (uint64_t)file.st_ino + (uint64_t)file.st_size;
    }
    return stamp;
}

int connection_options_init(ConnectionOptions *self, const NatsSettings *settings, const char *name,
                            Error *reterr)
{
    const char *const paths[CONNECTION_FILES] = {settings->creds, settings->nkey, settings->ca,
                                                 settings->cert, settings->key};

    *self = (ConnectionOptions){.name = xstrdup(name)};
    for (size_t i = 0; i < CONNECTION_FILES; i++)
        self->files[i] = paths[i] != NULL && paths[i][0] != '\0' ? xstrdup(paths[i]) : NULL;
    return settings_check(self, settings->url, reterr) < 0 ? -1 : tls_check(self, reterr);
}

void connection_options_done(ConnectionOptions *self)
{
    for (size_t i = 0; i < CONNECTION_FILES; i++)
        free(self->files[i]);
    for (size_t i = 0; i < self->server_count; i++)
        free(self->servers[i]);
    free(self->name);
    *self = (ConnectionOptions){0};
}

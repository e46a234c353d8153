#include "kubeconfig.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "alloc.h"
#include "yaml.h"

enum { FILES_MAX = 16 };

typedef struct ConfigFile {
    char *path;
    char *folder; /* absolute: relative paths in the file start from here */
    cJSON *document;
} ConfigFile;

typedef struct ConfigFiles {
    ConfigFile at[FILES_MAX];
    size_t count;
} ConfigFiles;

/* A cluster, user or context, and the file it stands in. */
typedef struct Entry {
    const cJSON *json;
    const ConfigFile *file;
} Entry;

static void wipe_member(const cJSON *user, const char *path)
{
    const cJSON *item = json_at(user, path);

    if (cJSON_IsString(item))
        explicit_bzero(item->valuestring, strlen(item->valuestring));
}

static void files_done(ConfigFiles *files)
{
    for (size_t i = 0; i < files->count; i++) {
        const cJSON *user = NULL;

        cJSON_ArrayForEach (user, json_at(files->at[i].document, "users")) {
            wipe_member(user, "user.token");
            wipe_member(user, "user.password");
            wipe_member(user, "user.client-key-data");
        }
        cJSON_Delete(files->at[i].document);
        free(files->at[i].path);
        free(files->at[i].folder);
    }
}

static char *folder_of(const char *path)
{
    char resolved[PATH_MAX];
    const char *absolute = realpath(path, resolved) != NULL ? resolved : path;
    const char *slash = strrchr(absolute, '/');

    return slash == NULL ? xstrdup(".") : xstrndup(absolute, (size_t)(slash - absolute));
}

static int read_file(const char *path, ConfigFiles *files, Error *reterr)
{
    DEFER(secret_done) Secret bytes = {0};
    ConfigFile *file = &files->at[files->count];
    cJSON *document = NULL;

    if (secret_read(path, &bytes, reterr) < 0)
        return -1;
    if (yaml_parse_one(bytes.at, bytes.length, &document, reterr) < 0)
        return error_wrap(reterr, "%s", path);
    *file = (ConfigFile){.path = xstrdup(path), .folder = folder_of(path), .document = document};
    files->count++;
    return 0;
}

static int read_files(const char *paths, ConfigFiles *files, Error *reterr)
{
    bool several = strchr(paths, ':') != NULL;

    for (const char *at = paths; *at != '\0'; at += *at == ':' ? 1 : 0) {
        size_t length = strcspn(at, ":");
        DEFER(defer_free) char *path = xstrndup(at, length);

        at += length;
        if (length == 0 || (several && access(path, F_OK) < 0))
            continue;
        if (files->count == FILES_MAX)
            return error_set(reterr, ERROR_INVALID, "more than %d kubeconfig files", FILES_MAX);
        if (read_file(path, files, reterr) < 0)
            return -1;
    }
    if (files->count == 0)
        return error_set(reterr, ERROR_INVALID, "%s: no kubeconfig there", paths);
    return 0;
}

static const cJSON *find_named(const cJSON *list, const char *name)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, list) {
        if (text_eq(json_text(item, "name", ""), name))
            return item;
    }
    return NULL;
}

/* The MEMBER of the first entry called NAME in LIST: ("clusters", "kind", "cluster"). */
static int find_entry(const ConfigFiles *files, const char *list, const char *name,
                      const char *member, Entry *ret_entry)
{
    for (size_t i = 0; i < files->count; i++) {
        const cJSON *item = find_named(json_at(files->at[i].document, list), name);

        if (item != NULL) {
            *ret_entry = (Entry){json_at(item, member), &files->at[i]};
            return 0;
        }
    }
    return -1;
}

static const char *current_context(const ConfigFiles *files)
{
    for (size_t i = 0; i < files->count; i++) {
        const char *name = json_text(files->at[i].document, "current-context", "");

        if (*name != '\0')
            return name;
    }
    return "";
}

static char *copy_text(const cJSON *json, const char *name)
{
    const char *text = json_text(json, name, "");

    return *text != '\0' ? xstrdup(text) : NULL;
}

static char *copy_path(const Entry *entry, const char *name)
{
    const char *path = json_text(entry->json, name, "");

    if (*path == '\0')
        return NULL;
    return *path == '/' ? xstrdup(path) : xasprintf("%s/%s", entry->file->folder, path);
}

static int decode_base64(const char *text, Secret *ret_bytes)
{
    DEFER(defer_secret) char *packed = xmalloc(strlen(text) + 1);
    size_t length = 0;
    int padding = 0;

    for (; *text != '\0'; text++) {
        if (strchr(" \t\r\n", *text) == NULL)
            packed[length++] = *text;
        padding += *text == '=' ? 1 : 0;
    }
    packed[length] = '\0';
    Secret bytes = {.at = xcalloc(length + 1, 1), .length = length};
    int decoded = EVP_DecodeBlock((unsigned char *)bytes.at, (unsigned char *)packed, (int)length);
    if (decoded < padding || padding > 2) {
        secret_done(&bytes);
        return -1;
    }
    bytes.length = (size_t)(decoded - padding);
    bytes.at[bytes.length] = '\0';
    *ret_bytes = bytes;
    return 0;
}

/* NAME-data in base64 wins over the file called NAME, as in kubectl. */
static int read_pem(const Entry *entry, const char *name, KubePem *pem, Error *reterr)
{
    char member[64];

    (void)snprintf(member, sizeof member, "%s-data", name);
    const char *data = json_text(entry->json, member, "");
    if (*data == '\0') {
        pem->path = copy_path(entry, name);
        return 0;
    }
    if (decode_base64(data, &pem->data) < 0)
        return error_set(reterr, ERROR_INVALID, "%s is not base64", member);
    return 0;
}

static int read_cluster(const Entry *cluster, KubeConfig *config, Error *reterr)
{
    config->server = copy_text(cluster->json, "server");
    if (config->server == NULL)
        return error_set(reterr, ERROR_INVALID, "server is missing");
    if (!text_starts(config->server, "https://") && !text_starts(config->server, "http://"))
        return error_set(reterr, ERROR_INVALID, "server '%.80s' must begin with https://",
                         config->server);
    for (size_t end = strlen(config->server); config->server[end - 1] == '/'; end--)
        config->server[end - 1] = '\0';
    config->insecure = json_bool(cluster->json, "insecure-skip-tls-verify", false);
    config->tls_server_name = copy_text(cluster->json, "tls-server-name");
    config->proxy_url = copy_text(cluster->json, "proxy-url");
    return read_pem(cluster, "certificate-authority", &config->ca, reterr);
}

static int add_impersonation(KubeConfig *config, Error *reterr, const char *header,
                             const char *value)
{
    size_t count = 0;

    while (config->impersonation[count] != NULL)
        count++;
    if (count == KUBE_IMPERSONATION_MAX)
        return error_set(reterr, ERROR_INVALID, "more than %d values to act as",
                         KUBE_IMPERSONATION_MAX);
    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ')
            return error_set(reterr, ERROR_INVALID, "a control character in a name to act as");
    }
    config->impersonation[count] = xasprintf("%s: %s", header, value);
    return 0;
}

static int read_impersonation(const cJSON *user, KubeConfig *config, Error *reterr)
{
    const char *as = json_text(user, "as", "");
    const char *uid = json_text(user, "as-uid", "");
    const cJSON *group = NULL;

    if (json_at(user, "as-user-extra") != NULL)
        return error_set(reterr, ERROR_INVALID, "as-user-extra is not supported");
    if (*as == '\0' && (*uid != '\0' || json_at(user, "as-groups") != NULL))
        return error_set(reterr, ERROR_INVALID, "as-uid and as-groups need as");
    if (*as != '\0' && add_impersonation(config, reterr, "Impersonate-User", as) < 0)
        return -1;
    if (*uid != '\0' && add_impersonation(config, reterr, "Impersonate-Uid", uid) < 0)
        return -1;
    cJSON_ArrayForEach (group, json_at(user, "as-groups")) {
        if (!cJSON_IsString(group))
            return error_set(reterr, ERROR_INVALID, "as-groups must be strings");
        if (add_impersonation(config, reterr, "Impersonate-Group", group->valuestring) < 0)
            return -1;
    }
    return 0;
}

static void read_password(const cJSON *user, KubeConfig *config)
{
    const char *password = json_text(user, "password", "");

    config->username = copy_text(user, "username");
    if (config->username != NULL)
        config->password = secret_copy(password, strlen(password));
}

static int read_credentials(const Entry *user, KubeConfig *config, Error *reterr)
{
    const char *token = json_text(user->json, "token", "");
    const cJSON *exec = json_at(user->json, "exec");

    if (json_at(user->json, "auth-provider") != NULL)
        return error_set(reterr, ERROR_INVALID,
                         "auth-provider is gone since Kubernetes 1.26; use exec");
    if (read_pem(user, "client-certificate", &config->client_cert, reterr) < 0 ||
        read_pem(user, "client-key", &config->client_key, reterr) < 0)
        return -1;
    config->token_file = copy_path(user, "tokenFile");
    if (*token != '\0')
        config->token = secret_copy(token, strlen(token));
    read_password(user->json, config);
    if (exec != NULL && !cJSON_IsNull(exec) &&
        kube_exec_parse(exec, user->file->folder, &config->exec, reterr) < 0)
        return -1;
    return read_impersonation(user->json, config, reterr);
}

static bool has_pem(const KubePem *pem)
{
    return pem->path != NULL || pem->data.at != NULL;
}

static int check_config(const KubeConfig *config, Error *reterr)
{
    if (has_pem(&config->client_cert) != has_pem(&config->client_key))
        return error_set(reterr, ERROR_INVALID,
                         "client-certificate and client-key must be given together");
    if (config->insecure && has_pem(&config->ca))
        return error_set(reterr, ERROR_INVALID,
                         "insecure-skip-tls-verify and certificate-authority exclude each other");
    return 0;
}

static int encode_ca(const KubePem *ca, cJSON *cluster, Error *reterr)
{
    DEFER(secret_done) Secret bytes = {0};

    if (!has_pem(ca))
        return 0;
    if (ca->path != NULL && secret_read(ca->path, &bytes, reterr) < 0)
        return -1;
    const Secret *pem = ca->path != NULL ? &bytes : &ca->data;
    DEFER(defer_free) char *text = xmalloc(pem->length * 4 / 3 + 8);
    (void)EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)pem->at, (int)pem->length);
    json_set_text(cluster, "certificate-authority-data", text);
    return 0;
}

/* What a plugin learns about the cluster when it asks to. */
static int describe_cluster(const Entry *cluster, KubeConfig *config, Error *reterr)
{
    cJSON *info = cJSON_CreateObject();
    const cJSON *extension = NULL;

    config->exec->cluster = info;
    json_set_text(info, "server", config->server);
    if (config->tls_server_name != NULL)
        json_set_text(info, "tls-server-name", config->tls_server_name);
    if (config->proxy_url != NULL)
        json_set_text(info, "proxy-url", config->proxy_url);
    if (config->insecure)
        json_set_bool(info, "insecure-skip-tls-verify", true);
    cJSON_ArrayForEach (extension, json_at(cluster->json, "extensions")) {
        const cJSON *value = json_at(extension, "extension");

        if (value != NULL &&
            text_eq(json_text(extension, "name", ""), "client.authentication.k8s.io/exec"))
            json_set(info, "config", cJSON_Duplicate(value, true));
    }
    return encode_ca(&config->ca, info, reterr);
}

static int read_context(const ConfigFiles *files, const char *name, KubeConfig *config,
                        Error *reterr)
{
    Entry context;
    Entry cluster;
    Entry user;

    if (find_entry(files, "contexts", name, "context", &context) < 0)
        return error_set(reterr, ERROR_INVALID, "no context of this name");
    const char *cluster_name = json_text(context.json, "cluster", "");
    const char *user_name = json_text(context.json, "user", "");
    if (find_entry(files, "clusters", cluster_name, "cluster", &cluster) < 0)
        return error_set(reterr, ERROR_INVALID, "no cluster '%.80s'", cluster_name);
    if (read_cluster(&cluster, config, reterr) < 0)
        return error_wrap(reterr, "cluster '%.80s'", cluster_name);
    config->namespace = copy_text(context.json, "namespace");
    if (*user_name == '\0')
        return check_config(config, reterr);
    if (find_entry(files, "users", user_name, "user", &user) < 0)
        return error_set(reterr, ERROR_INVALID, "no user '%.80s'", user_name);
    if (read_credentials(&user, config, reterr) < 0 || check_config(config, reterr) < 0)
        return error_wrap(reterr, "user '%.80s'", user_name);
    if (config->exec != NULL && config->exec->wants_cluster)
        return describe_cluster(&cluster, config, reterr);
    return 0;
}

int kubeconfig_read(const char *paths, const char *context, KubeConfig **ret_config, Error *reterr)
{
    DEFER(files_done) ConfigFiles files = {0};
    DEFER(defer_kube_config) KubeConfig *config = xcalloc(1, sizeof *config);

    if (read_files(paths, &files, reterr) < 0)
        return -1;
    const char *name = context != NULL ? context : current_context(&files);
    if (*name == '\0')
        return error_set(reterr, ERROR_INVALID, "%s: current-context is not set", paths);
    if (read_context(&files, name, config, reterr) < 0)
        return error_wrap(reterr, "%s: context '%.60s'", paths, name);
    config->origin = xasprintf("%s, context '%s'", paths, name);
    *ret_config = TAKE(config);
    return 0;
}

#include "kube_object.h"

#include "alloc.h"
#include "kube_status.h"

static const char apply_type[] = "application/apply-patch+yaml"; /* JSON is YAML too */
static const char json_patch_type[] = "application/json-patch+json";

/* "tenants acme", "secrets ns/name", "tenants" */
static int explain(const KubeRef *ref, Error *reterr)
{
    const char *plural = ref->resource->plural;

    if (ref->name == NULL)
        return error_wrap(reterr, "%s", plural);
    if (ref->namespace == NULL)
        return error_wrap(reterr, "%s %s", plural, ref->name);
    return error_wrap(reterr, "%s %s/%s", plural, ref->namespace, ref->name);
}

/* A JSON patch whose `test` failed is answered with 422 like a bad one, but names no cause. */
static bool is_failed_test(const KubeRequest *request, const KubeResponse *response)
{
    return response->code == 422 && request->content_type == json_patch_type &&
           json_at(response->json, "details.causes") == NULL;
}

static int judge(const KubeRef *ref, const KubeRequest *request, const KubeResponse *response,
                 Error *reterr)
{
    if (is_failed_test(request, response))
        return error_set(reterr, ERROR_CONFLICT,
                         "the object changed, or was made anew, since it was read");
    if (kube_status_read_of(ref->resource, response->code, response->json, reterr) < 0)
        return -1;
    if (response->json == NULL)
        return error_set(reterr, ERROR_BUSY, "the API server's answer is not JSON");
    return 0;
}

/* A request about REF whose PATH is its own; the answer's object goes to RET_OBJECT. */
static int send(KubeClient *client, const KubeRef *ref, const KubeRequest *request,
                cJSON **ret_object, Error *reterr)
{
    DEFER(kube_response_done) KubeResponse response = {0};

    if (kube_exchange(client, request, &response, reterr) < 0 ||
        judge(ref, request, &response, reterr) < 0)
        return explain(ref, reterr);
    if (ret_object != NULL)
        *ret_object = TAKE(response.json);
    return 0;
}

int kube_get(KubeClient *client, const KubeRef *ref, cJSON **ret_object, Error *reterr)
{
    DEFER(defer_free) char *path = kube_path(ref, NULL, NULL, 0);
    const KubeRequest request = {.method = "GET", .path = path};

    assert(ref->name != NULL);
    return send(client, ref, &request, ret_object, reterr);
}

static void set_missing(cJSON *object, const char *name, const char *text)
{
    if (text != NULL && json_at(object, name) == NULL)
        json_set_text(object, name, text);
}

/* A copy of BODY (NULL: empty) that says what it is. */
static cJSON *complete(const KubeRef *ref, const cJSON *body)
{
    cJSON *object = body != NULL ? cJSON_Duplicate(body, true) : cJSON_CreateObject();
    DEFER(defer_free) char *api_version = kube_api_version(ref->resource);

    set_missing(object, "apiVersion", api_version);
    set_missing(object, "kind", ref->resource->kind);
    if (json_at(object, "metadata") == NULL)
        json_set(object, "metadata", cJSON_CreateObject());
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    set_missing(metadata, "name", ref->name);
    set_missing(metadata, "namespace", ref->namespace);
    return object;
}

int kube_create(KubeClient *client, const KubeRef *ref, const cJSON *body, cJSON **ret_object,
                Error *reterr)
{
    const KubeRef all = {.resource = ref->resource, .namespace = ref->namespace};
    const KubeParam params[] = {{"fieldManager", kube_client_name(client)}};
    DEFER(defer_json) cJSON *object = complete(ref, body);
    DEFER(defer_free) char *path = kube_path(&all, NULL, params, ARRAY_SIZE(params));
    const KubeRequest request = {.method = "POST", .path = path, .body = object};

    return send(client, ref, &request, ret_object, reterr);
}

int kube_replace(KubeClient *client, const KubeRef *ref, const cJSON *body, cJSON **ret_object,
                 Error *reterr)
{
    const KubeParam params[] = {{"fieldManager", kube_client_name(client)}};
    DEFER(defer_json) cJSON *object = complete(ref, body);
    DEFER(defer_free) char *path = kube_path(ref, NULL, params, ARRAY_SIZE(params));
    const KubeRequest request = {.method = "PUT", .path = path, .body = object};

    assert(*json_text(body, "metadata.resourceVersion", "") != '\0');
    return send(client, ref, &request, ret_object, reterr);
}

static char *apply_path(KubeClient *client, const KubeRef *ref, const char *subresource)
{
    const KubeParam params[] = {{"fieldManager", kube_client_name(client)}, {"force", "true"}};

    assert(ref->name != NULL);
    return kube_path(ref, subresource, params, ARRAY_SIZE(params));
}

int kube_apply(KubeClient *client, const KubeRef *ref, const cJSON *body, cJSON **ret_object,
               Error *reterr)
{
    DEFER(defer_json) cJSON *object = complete(ref, body);
    DEFER(defer_free) char *path = apply_path(client, ref, NULL);
    const KubeRequest request = {
        .method = "PATCH", .path = path, .body = object, .content_type = apply_type};

    return send(client, ref, &request, ret_object, reterr);
}

int kube_apply_status(KubeClient *client, const KubeRef *ref, const KubeStatusWrite *write,
                      cJSON **ret_object, Error *reterr)
{
    DEFER(defer_json) cJSON *object = complete(ref, NULL);
    DEFER(defer_free) char *path = apply_path(client, ref, "status");
    const KubeRequest request = {
        .method = "PATCH", .path = path, .body = object, .content_type = apply_type};

    assert(write->version != NULL && *write->version != '\0');
    json_set_text(cJSON_GetObjectItemCaseSensitive(object, "metadata"), "resourceVersion",
                  write->version);
    json_set(object, "status", cJSON_Duplicate(write->status, true));
    return send(client, ref, &request, ret_object, reterr);
}

static int send_patch(KubeClient *client, const KubeRef *ref, KubeRequest *request,
                      cJSON **ret_object, Error *reterr)
{
    const KubeParam params[] = {{"fieldManager", kube_client_name(client)}};
    DEFER(defer_free) char *path = kube_path(ref, NULL, params, ARRAY_SIZE(params));

    assert(ref->name != NULL);
    request->method = "PATCH";
    request->path = path;
    return send(client, ref, request, ret_object, reterr);
}

int kube_merge(KubeClient *client, const KubeRef *ref, const cJSON *changes, cJSON **ret_object,
               Error *reterr)
{
    KubeRequest request = {.body = changes, .content_type = "application/merge-patch+json"};

    return send_patch(client, ref, &request, ret_object, reterr);
}

bool kube_has_finalizer(const cJSON *object, const char *name)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, json_at(object, "metadata.finalizers")) {
        if (cJSON_IsString(item) && text_eq(item->valuestring, name))
            return true;
    }
    return false;
}

/* Takes VALUE over. */
static void add_operation(cJSON *operations, const char *op, const char *path, cJSON *value)
{
    cJSON *operation = cJSON_CreateObject();

    json_set_text(operation, "op", op);
    json_set_text(operation, "path", path);
    json_set(operation, "value", value);
    (void)cJSON_AddItemToArray(operations, operation);
}

/* The list as it shall be. */
static cJSON *wanted_finalizers(const KubeFinalizer *finalizer)
{
    cJSON *wanted = cJSON_CreateArray();
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, json_at(finalizer->object, "metadata.finalizers")) {
        if (cJSON_IsString(item) && !text_eq(item->valuestring, finalizer->name))
            (void)cJSON_AddItemToArray(wanted, cJSON_CreateString(item->valuestring));
    }
    if (finalizer->present)
        (void)cJSON_AddItemToArray(wanted, cJSON_CreateString(finalizer->name));
    return wanted;
}

/* The uid is tested, because a patch by name alone would also hit a namesake made since; the old
 * list is tested, because the new one replaces all of it. */
static cJSON *finalizer_patch(const KubeFinalizer *finalizer)
{
    const cJSON *old = json_at(finalizer->object, "metadata.finalizers");
    cJSON *operations = cJSON_CreateArray();

    add_operation(operations, "test", "/metadata/uid",
                  cJSON_CreateString(json_text(finalizer->object, "metadata.uid", "")));
    if (old != NULL) {
        add_operation(operations, "test", "/metadata/finalizers", cJSON_Duplicate(old, true));
        add_operation(operations, "replace", "/metadata/finalizers", wanted_finalizers(finalizer));
    } else {
        add_operation(
            operations, "test", "/metadata/resourceVersion",
            cJSON_CreateString(json_text(finalizer->object, "metadata.resourceVersion", "")));
        add_operation(operations, "add", "/metadata/finalizers", wanted_finalizers(finalizer));
    }
    return operations;
}

int kube_set_finalizer(KubeClient *client, const KubeRef *ref, const KubeFinalizer *finalizer,
                       cJSON **ret_object, Error *reterr)
{
    assert(*json_text(finalizer->object, "metadata.uid", "") != '\0');
    if (kube_has_finalizer(finalizer->object, finalizer->name) == finalizer->present) {
        if (ret_object != NULL)
            *ret_object = cJSON_Duplicate(finalizer->object, true);
        return 0;
    }
    DEFER(defer_json) cJSON *operations = finalizer_patch(finalizer);
    KubeRequest request = {.body = operations, .content_type = json_patch_type};

    return send_patch(client, ref, &request, ret_object, reterr);
}

int kube_delete(KubeClient *client, const KubeRef *ref, const cJSON *object, Error *reterr)
{
    DEFER(defer_free) char *path = kube_path(ref, NULL, NULL, 0);
    DEFER(defer_json) cJSON *options = cJSON_CreateObject();
    cJSON *preconditions = cJSON_CreateObject();
    const KubeRequest request = {.method = "DELETE", .path = path, .body = options};

    assert(ref->name != NULL);
    json_set_text(options, "apiVersion", "v1");
    json_set_text(options, "kind", "DeleteOptions");
    json_set_text(preconditions, "uid", json_text(object, "metadata.uid", ""));
    json_set_text(preconditions, "resourceVersion",
                  json_text(object, "metadata.resourceVersion", ""));
    json_set(options, "preconditions", preconditions);
    return send(client, ref, &request, NULL, reterr);
}

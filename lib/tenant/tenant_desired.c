#include "consumer_fields.h"
#include "ownership.h"
#include "stream_fields.h"
#include "tenant.h"
#include "tenant_fields.h"

enum { WHERE_SIZE = 64, EVENT_TYPES_MAX = 32 };

/* What the parts of one configuration are built from, and into. */
typedef struct Builder {
    const Tenant *tenant;
    const TenantScope *scope;
    const cJSON *settings; /* of tenant_fields */
    TenantDesired *desired;
} Builder;

/* Adds our mark to the metadata that the manifest gave CONFIG, if it gave any. */
static cJSON *mark(const Builder *self, cJSON *config)
{
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(config, "metadata");

    if (metadata == NULL) {
        metadata = cJSON_CreateObject();
        json_set(config, "metadata", metadata);
    }
    owner_mark(metadata, self->tenant->uid, self->scope->cluster);
    return metadata;
}

static bool multi_token(const Builder *self)
{
    return text_eq(json_text(self->settings, "event_types", ""), "MultiToken");
}

static int build_stream(Builder *self, Error *reterr)
{
    const FieldInput input = {.where = "spec.stream",
                              .spec = json_at(self->tenant->spec, "stream"),
                              .api_level = self->scope->api_level};
    char subject[SUBJECT_SIZE];
    cJSON *config = NULL;

    if (stream_config_build(&input, self->scope->replicas, &config, reterr) < 0)
        return -1;
    self->desired->stream = config;
    event_subject(self->tenant->id, multi_token(self) ? ">" : "*", subject);
    json_set_text(config, "name", self->tenant->stream);
    json_set(config, "subjects", cJSON_CreateStringArray((const char *const[]){subject}, 1));
    json_set_int(config, "max_consumers", json_int(self->settings, "max_consumers", -1));
    relay_settings_write(&self->desired->relay, mark(self, config));
    return 0;
}

static int check_event_type(const Builder *self, const cJSON *type, const char *where,
                            Error *reterr)
{
    const char *text = cJSON_IsString(type) ? type->valuestring : "";

    if (!event_type_valid(text))
        return error_set(reterr, ERROR_INVALID,
                         "%s.eventTypes: '%.64s' must be tokens of A-Z, a-z, 0-9, '_' and '-', "
                         "joined by dots, of at most %d characters",
                         where, text, EVENT_TYPE_MAX);
    if (strchr(text, '.') != NULL && !multi_token(self))
        return error_set(reterr, ERROR_INVALID,
                         "%s.eventTypes: '%.64s' must have no '.', unless spec.stream.eventTypes "
                         "is MultiToken",
                         where, text);
    return 0;
}

static int build_filters(const Builder *self, const FieldInput *input, cJSON *config, Error *reterr)
{
    const cJSON *types = json_at(input->spec, "eventTypes");
    const cJSON *type = NULL;
    char subject[SUBJECT_SIZE] = "";

    if (types == NULL)
        return 0;
    int count = cJSON_GetArraySize(types);
    if (!cJSON_IsArray(types) || count < 1 || count > EVENT_TYPES_MAX)
        return error_set(reterr, ERROR_INVALID, "%s.eventTypes: must have 1 to %d items",
                         input->where, EVENT_TYPES_MAX);

    DEFER(defer_json) cJSON *subjects = cJSON_CreateArray();
    cJSON_ArrayForEach (type, types) {
        if (check_event_type(self, type, input->where, reterr) < 0)
            return -1;
        event_subject(self->tenant->id, type->valuestring, subject);
        (void)cJSON_AddItemToArray(subjects, cJSON_CreateString(subject));
    }
    if (count == 1)
        json_set_text(config, "filter_subject", subject);
    else
        json_set(config, "filter_subjects", TAKE(subjects));
    return 0;
}

static bool consumer_name_valid(const char *name)
{
    size_t length =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    return length > 0 && length <= CONSUMER_NAME_MAX && name[length] == '\0';
}

static int check_consumer_name(const Builder *self, const FieldInput *input, Error *reterr)
{
    const char *name = json_text(input->spec, "name", "");

    if (!consumer_name_valid(name))
        return error_set(reterr, ERROR_INVALID,
                         "%s.name: '%.64s' must be 1 to %d characters of A-Z, a-z, 0-9, '_' and "
                         "'-'",
                         input->where, name, CONSUMER_NAME_MAX);
    if (tenant_consumer_find(self->desired, name) >= 0)
        return error_set(reterr, ERROR_INVALID, "%s.name: '%s' is there twice", input->where, name);
    return 0;
}

/* A suspended tenant's consumers are paused, where the server can. */
static void set_pause(const Builder *self, cJSON *config)
{
    if (self->tenant->mode == TENANT_SUSPEND && self->scope->api_level >= 1)
        json_set_text(config, "pause_until", TENANT_PAUSED);
}

static int build_consumer(Builder *self, const FieldInput *input, Error *reterr)
{
    TenantConsumer *consumer = &self->desired->consumers[self->desired->consumer_count];
    DEFER(defer_json) cJSON *config = NULL;

    if (check_consumer_name(self, input, reterr) < 0 ||
        consumer_config_build(input, self->desired->stream, &config, reterr) < 0 ||
        build_filters(self, input, config, reterr) < 0)
        return -1;
    (void)snprintf(consumer->name, sizeof consumer->name, "%s", json_text(input->spec, "name", ""));
    json_set_text(config, "name", consumer->name);
    json_set_text(config, "durable_name", consumer->name);
    set_pause(self, config);
    (void)mark(self, config);
    consumer->config = TAKE(config);
    self->desired->consumer_count++;
    return 0;
}

static int check_consumer_count(const Builder *self, const cJSON *list, Error *reterr)
{
    int64_t most = json_int(self->settings, "max_consumers", -1);

    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > TENANT_CONSUMERS_MAX)
        return error_set(reterr, ERROR_INVALID, "spec.consumers: must be a list of at most %d",
                         TENANT_CONSUMERS_MAX);
    if (most >= 0 && cJSON_GetArraySize(list) > most)
        return error_set(reterr, ERROR_INVALID,
                         "spec.limits.maxConsumers: must be at least the number of consumers, %d",
                         cJSON_GetArraySize(list));
    return 0;
}

static int build_consumers(Builder *self, Error *reterr)
{
    const cJSON *list = json_at(self->tenant->spec, "consumers");
    const cJSON *item = NULL;
    int index = 0;

    if (list == NULL)
        return 0;
    if (check_consumer_count(self, list, reterr) < 0)
        return -1;
    cJSON_ArrayForEach (item, list) {
        char where[WHERE_SIZE];

        (void)snprintf(where, sizeof where, "spec.consumers[%d]", index++);
        if (build_consumer(
                self,
                &(FieldInput){.where = where, .spec = item, .api_level = self->scope->api_level},
                reterr) < 0)
            return -1;
    }
    return 0;
}

static int check_tenant(const Tenant *tenant, Error *reterr)
{
    if (*tenant->stream == '\0')
        return error_set(reterr, ERROR_INVALID,
                         "metadata.name: '%.64s' must be 1 to %d characters of a-z, 0-9 and '-', "
                         "and must begin and end with a letter or a digit",
                         tenant->id, TENANT_ID_MAX);
    if (!cJSON_IsObject(tenant->spec))
        return error_set(reterr, ERROR_INVALID, "spec: must be an object");
    return 0;
}

int tenant_desired(const Tenant *tenant, const TenantScope *scope, TenantDesired *ret_desired,
                   Error *reterr)
{
    const FieldInput input = {.where = "spec", .spec = tenant->spec, .api_level = scope->api_level};
    DEFER(defer_json) cJSON *settings = NULL;
    TenantDesired desired = {0};
    Builder self = {.tenant = tenant, .scope = scope, .desired = &desired};

    if (check_tenant(tenant, reterr) < 0 ||
        fields_build(&tenant_fields, &input, &settings, reterr) < 0)
        return -1;
    self.settings = settings;
    desired.relay = relay_settings_of(settings);
    if (build_stream(&self, reterr) < 0 || build_consumers(&self, reterr) < 0) {
        tenant_desired_done(&desired);
        return -1;
    }
    *ret_desired = desired;
    return 0;
}

void tenant_desired_done(TenantDesired *desired)
{
    for (size_t i = 0; i < desired->consumer_count; i++)
        cJSON_Delete(desired->consumers[i].config);
    cJSON_Delete(desired->stream);
    *desired = (TenantDesired){0};
}

int tenant_consumer_find(const TenantDesired *desired, const char *name)
{
    for (size_t i = 0; i < desired->consumer_count; i++) {
        if (text_eq(desired->consumers[i].name, name))
            return (int)i;
    }
    return -1;
}

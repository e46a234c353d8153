#include "counts.h"

#include "alloc.h"
#include "map.h"
#include "subject.h"

struct Counts {
    Map *tenants; /* cJSON, by tenant */
    ServerStore servers[COUNTS_SERVERS_MAX];
    size_t server_count;
    int64_t expected; /* servers that will answer */
    int64_t offline;
};

Counts *counts_new(void)
{
    Counts *self = xcalloc(1, sizeof *self);

    self->tenants = map_new();
    self->expected = 1;
    return self;
}

void counts_free(Counts *self)
{
    if (self == NULL)
        return;
    for (MapEntry *at = NULL; (at = map_next(self->tenants, at)) != NULL;)
        cJSON_Delete(map_value(at));
    map_free(self->tenants);
    free(self);
}

char *counts_request(const char *account)
{
    DEFER(defer_json) cJSON *body = cJSON_CreateObject();

    json_set_text(body, "account", account);
    json_set_bool(body, "streams", true);
    json_set_bool(body, "consumer", true);
    return json_print(body);
}

/* A server alone has no cluster to speak of (before 2.11), or leads everything. One in a cluster
 * that has lost the leader says so by naming none. */
static bool leads(const cJSON *detail, const char *server)
{
    const cJSON *cluster = json_at(detail, "cluster");

    return cluster == NULL || text_eq(json_text(cluster, "leader", ""), server);
}

static cJSON *numbers_of(Counts *self, const char *tenant_id)
{
    cJSON *numbers = map_get(self->tenants, tenant_id);

    if (numbers != NULL)
        return numbers;
    numbers = cJSON_CreateObject();
    json_set(numbers, "consumers", cJSON_CreateArray());
    map_add(self->tenants, tenant_id, numbers);
    return numbers;
}

static void copy(cJSON *to, const cJSON *from, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, names[i]);

        if (item != NULL)
            json_set(to, names[i], cJSON_Duplicate(item, true));
    }
}

static void add_stream(cJSON *numbers, const cJSON *detail)
{
    static const char *const members[] = {"messages", "bytes", "first_seq", "last_seq", "last_ts"};
    cJSON *stream = cJSON_CreateObject();
    cJSON *state = cJSON_CreateObject();

    json_set_text(stream, "created", json_text(detail, "created", ""));
    copy(state, json_at(detail, "state"), members, ARRAY_SIZE(members));
    json_set(stream, "state", state);
    json_set(numbers, "stream", stream);
}

/* In the order of names, since servers answer in any: equal numbers are equal texts. */
static void add_consumer(cJSON *numbers, const cJSON *detail)
{
    static const char *const members[] = {"name", "num_pending", "num_ack_pending",
                                          "num_redelivered"};
    cJSON *consumers = cJSON_GetObjectItemCaseSensitive(numbers, "consumers");
    cJSON *consumer = cJSON_CreateObject();
    const cJSON *next = NULL;
    int at = 0;

    copy(consumer, detail, members, ARRAY_SIZE(members));
    cJSON_ArrayForEach (next, consumers) {
        if (strcmp(json_text(next, "name", ""), json_text(consumer, "name", "")) > 0)
            break;
        at++;
    }
    (void)cJSON_InsertItemInArray(consumers, at, consumer);
}

static void add_detail(Counts *self, const cJSON *detail, const char *server)
{
    char tenant_id[TENANT_ID_MAX + 1];
    const cJSON *consumer = NULL;

    if (!stream_tenant(json_text(detail, "name", ""), tenant_id))
        return;
    cJSON *numbers = numbers_of(self, tenant_id);
    if (leads(detail, server))
        add_stream(numbers, detail);
    cJSON_ArrayForEach (consumer, json_at(detail, "consumer_detail")) {
        if (leads(consumer, server))
            add_consumer(numbers, consumer);
    }
}

/* The leader of the cluster knows who is away; the others know how many they are. */
static void add_cluster(Counts *self, const cJSON *cluster)
{
    const cJSON *replica = NULL;
    int64_t offline = 0;

    cJSON_ArrayForEach (replica, json_at(cluster, "replicas")) {
        offline += json_bool(replica, "offline", false);
    }
    self->offline = max_i64(self->offline, offline);
    self->expected = max_i64(self->expected, json_int(cluster, "cluster_size", 1));
}

static void add_server(Counts *self, const cJSON *answer, const char *name)
{
    ServerStore *store = &self->servers[self->server_count++];

    *store = (ServerStore){
        .max_file = json_int(answer, "data.config.max_storage", -1),
        .reserved_file = json_int(answer, "data.reserved_storage", -1),
        .max_memory = json_int(answer, "data.config.max_memory", -1),
        .reserved_memory = json_int(answer, "data.reserved_memory", -1),
    };
    (void)snprintf(store->name, sizeof store->name, "%.*s", COUNTS_NAME_SIZE - 1, name);
}

int counts_add(Counts *self, const cJSON *answer, Error *reterr)
{
    const char *server = json_text(answer, "server.name", "");
    const cJSON *account = NULL;
    const cJSON *detail = NULL;

    if (*server == '\0' || json_at(answer, "data") == NULL)
        return error_set(reterr, ERROR_BUG, "an answer to JSZ names no server or has no data");
    if (self->server_count == COUNTS_SERVERS_MAX)
        return error_set(reterr, ERROR_LIMIT, "more than %d servers answer", COUNTS_SERVERS_MAX);
    add_server(self, answer, server);
    add_cluster(self, json_at(answer, "data.meta_cluster"));
    cJSON_ArrayForEach (account, json_at(answer, "data.account_details")) {
        cJSON_ArrayForEach (detail, json_at(account, "stream_detail")) {
            add_detail(self, detail, server);
        }
    }
    return 0;
}

bool counts_complete(const Counts *self)
{
    return (int64_t)self->server_count >= self->expected - self->offline && self->server_count > 0;
}

size_t counts_servers(const Counts *self, const ServerStore **ret_servers)
{
    *ret_servers = self->servers;
    return self->server_count;
}

void counts_each(const Counts *self,
                 void (*each)(void *context, const char *tenant_id, const cJSON *numbers),
                 void *context)
{
    for (MapEntry *at = NULL; (at = map_next(self->tenants, at)) != NULL;) {
        const cJSON *numbers = map_value(at);

        if (json_at(numbers, "stream") != NULL)
            each(context, map_key(at), numbers);
    }
}

#include "counts.h"

#include "alloc.h"
#include "json_part.h"
#include "map.h"
#include "subject.h"

struct Counts {
    Map *tenants; /* Numbers, by tenant */
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

static void counted_free(Numbers *numbers)
{
    numbers_done(numbers);
    free(numbers);
}

void counts_free(Counts *self)
{
    if (self == NULL)
        return;
    for (MapEntry *at = NULL; (at = map_next(self->tenants, at)) != NULL;)
        counted_free(map_value(at));
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

static Numbers *numbers_of(Counts *self, const char *tenant_id)
{
    Numbers *numbers = map_get(self->tenants, tenant_id);

    if (numbers != NULL)
        return numbers;
    numbers = xcalloc(1, sizeof *numbers);
    map_add(self->tenants, tenant_id, numbers);
    return numbers;
}

/* What is being read: the answer of a server, in it one tenant's stream. */
typedef struct Reading {
    Counts *counts;
    const char *server;
    Numbers *numbers;
} Reading;

static int add_consumer(void *context, JsonPart part, Error *reterr)
{
    static const JsonMembers wanted = {
        .small = {"name", "cluster", "num_pending", "num_ack_pending", "num_redelivered"}};
    const Reading *reading = context;
    DEFER(defer_json) cJSON *detail = NULL;

    if (json_part_object(part, &wanted, &detail, NULL, reterr) < 0)
        return -1;
    if (leads(detail, reading->server))
        numbers_add_consumer(reading->numbers, detail);
    return 0;
}

static int add_stream(void *context, JsonPart part, Error *reterr)
{
    static const JsonMembers wanted = {.small = {"name", "created", "cluster", "state"},
                                       .large = "consumer_detail"};
    const Reading *answer = context;
    DEFER(defer_json) cJSON *detail = NULL;
    JsonPart consumers;
    char tenant_id[TENANT_ID_MAX + 1];

    if (json_part_object(part, &wanted, &detail, &consumers, reterr) < 0)
        return -1;
    if (!stream_tenant(json_text(detail, "name", ""), tenant_id))
        return 0;
    Reading reading = *answer;
    reading.numbers = numbers_of(answer->counts, tenant_id);
    if (leads(detail, answer->server))
        numbers_set_stream(reading.numbers, detail);
    return json_part_each(consumers, add_consumer, &reading, reterr);
}

static int add_account(void *context, JsonPart part, Error *reterr)
{
    static const JsonMembers wanted = {.large = "stream_detail"};
    DEFER(defer_json) cJSON *account = NULL;
    JsonPart streams;

    if (json_part_object(part, &wanted, &account, &streams, reterr) < 0)
        return -1;
    return json_part_each(streams, add_stream, context, reterr);
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

/* Ids are base32. */
static bool is_id(const char *text)
{
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");

    return length > 0 && length < COUNTS_ID_SIZE && text[length] == '\0';
}

static int answer_read(const char *text, size_t length, cJSON **ret_answer, JsonPart *ret_data,
                       Error *reterr)
{
    static const JsonMembers wanted = {.small = {"server"}, .large = "data"};
    const JsonPart whole = {.text = text, .length = length};
    DEFER(defer_json) cJSON *answer = NULL;

    if (json_part_object(whole, &wanted, &answer, ret_data, reterr) < 0)
        return -1;
    if (*json_text(answer, "server.name", "") == '\0' ||
        !is_id(json_text(answer, "server.id", "")) || ret_data->text == NULL)
        return error_set(reterr, ERROR_BUG, "an answer to JSZ names no server or has no data");
    *ret_answer = TAKE(answer);
    return 0;
}

static void add_server(Counts *self, const cJSON *server, const cJSON *data)
{
    ServerStore *store = &self->servers[self->server_count++];

    *store = (ServerStore){
        .max_file = json_int(data, "config.max_storage", -1),
        .reserved_file = json_int(data, "reserved_storage", -1),
        .max_memory = json_int(data, "config.max_memory", -1),
        .reserved_memory = json_int(data, "reserved_memory", -1),
    };
    (void)snprintf(store->name, sizeof store->name, "%.*s", COUNTS_NAME_SIZE - 1,
                   json_text(server, "name", ""));
    (void)snprintf(store->id, sizeof store->id, "%s", json_text(server, "id", ""));
}

int counts_add_server(Counts *self, const char *text, size_t length, Error *reterr)
{
    static const JsonMembers wanted = {
        .small = {"config", "reserved_storage", "reserved_memory", "meta_cluster"}};
    DEFER(defer_json) cJSON *answer = NULL;
    DEFER(defer_json) cJSON *data = NULL;
    JsonPart part;

    if (self->server_count == COUNTS_SERVERS_MAX)
        return error_set(reterr, ERROR_LIMIT, "more than %d servers answer", COUNTS_SERVERS_MAX);
    if (answer_read(text, length, &answer, &part, reterr) < 0 ||
        json_part_object(part, &wanted, &data, NULL, reterr) < 0)
        return -1;
    add_server(self, json_at(answer, "server"), data);
    add_cluster(self, json_at(data, "meta_cluster"));
    return 0;
}

int counts_add_streams(Counts *self, const char *text, size_t length, Error *reterr)
{
    static const JsonMembers wanted = {.large = "account_details"};
    DEFER(defer_json) cJSON *answer = NULL;
    DEFER(defer_json) cJSON *data = NULL;
    JsonPart part;
    JsonPart accounts;

    if (answer_read(text, length, &answer, &part, reterr) < 0 ||
        json_part_object(part, &wanted, &data, &accounts, reterr) < 0)
        return -1;
    Reading reading = {.counts = self, .server = json_text(answer, "server.name", "")};
    return json_part_each(accounts, add_account, &reading, reterr);
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

void counts_each(const Counts *self, CountsFn *each, void *context)
{
    for (MapEntry *at = NULL; (at = map_next(self->tenants, at)) != NULL;) {
        const Numbers *numbers = map_value(at);

        if (numbers->has_stream)
            each(context, map_key(at), numbers);
    }
}

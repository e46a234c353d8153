#include "api_request.h"
#include "kube_path.h"
#include "stream_print.h"
#include "sweep.h"
#include "unit.h"

enum { PAGES_MAX = 8 };

/* What JetStream answers, call by call; NULL is a failure. */
static struct {
    const char *pages[PAGES_MAX];
    int64_t offsets[PAGES_MAX]; /* that were asked for */
    size_t calls;
} server;

/* Stands in for lib/jetstream/api_request.c, which the linker leaves out for it. */
int api_request(NatsConnection *connection, const cJSON *body, cJSON **ret_reply, Error *reterr,
                const char *format, ...)
{
    assert_null(connection);
    assert_string_equal(format, "STREAM.LIST");
    assert_true(server.calls < PAGES_MAX);
    server.offsets[server.calls] = json_int(body, "offset", -1);
    const char *page = server.pages[server.calls++];
    if (page == NULL)
        return error_set(reterr, ERROR_BUSY, "NATS is away");
    return json_parse(page, strlen(page), ret_reply, reterr);
}

typedef struct World {
    Dispatcher *dispatcher;
    Fleet *fleet;
} World;

static void ignore(void *context, const char *tenant_id)
{
    (void)context;
    (void)tenant_id;
}

/* There is such a Tenant, and a pass has found no stream. */
static void tenant_put(Dispatcher *dispatcher, const char *name)
{
    DEFER(defer_json) cJSON *object = cJSON_CreateObject();
    cJSON *metadata = cJSON_CreateObject();
    Job job;

    json_set_text(metadata, "name", name);
    json_set_text(metadata, "resourceVersion", "1");
    json_set(object, "metadata", metadata);
    dispatcher_put(dispatcher, object, true);
    assert_true(dispatcher_take(dispatcher, &job));
    dispatcher_finish(dispatcher, &job, (JobEnd){.retry = RETRY_NEVER, .again_ms = -1});
}

static int world_setup(void **state)
{
    static World world;

    world = (World){
        .dispatcher = dispatcher_new(kube_version_compare),
        .fleet = fleet_new(ignore, NULL),
    };
    *state = &world;
    tenant_put(world.dispatcher, "a");
    tenant_put(world.dispatcher, "b");
    tenant_put(world.dispatcher, "c");
    return 0;
}

static int world_teardown(void **state)
{
    World *world = *state;

    dispatcher_free(world->dispatcher);
    fleet_free(world->fleet);
    return 0;
}

/* One sweep over PAGES (a NULL ends them, and fails if it is asked for). */
static int sweep(World *world, const char *const *pages, size_t count, Error *reterr)
{
    const SweepListeners listeners = {.dispatcher = world->dispatcher, .fleet = world->fleet};

    memset(&server, 0, sizeof server);
    memcpy(server.pages, pages, count * sizeof *pages);
    return sweep_run(NULL, &listeners, reterr);
}

/* The tenants that are queued, in their order, each followed by a space. */
static const char *queued(World *world)
{
    static char names[256];
    size_t used = 0;

    names[0] = '\0';
    for (size_t left = dispatcher_counts(world->dispatcher).depth; left > 0; left--) {
        Job job;

        assert_true(dispatcher_take(world->dispatcher, &job));
        used += (size_t)snprintf(names + used, sizeof names - used, "%s ", job.tenant);
        dispatcher_finish(world->dispatcher, &job, (JobEnd){.retry = RETRY_NEVER, .again_ms = -1});
    }
    return names;
}

/* Sweeps over PAGES and queues exactly WANT. */
#define SWEEP_QUEUES(world, want, ...)                                                             \
    do {                                                                                           \
        const char *const pages_[] = {__VA_ARGS__};                                                \
        Error error_ = {0};                                                                        \
        assert_int_equal(sweep((world), pages_, ARRAY_SIZE(pages_), &error_), 0);                  \
        assert_string_equal(queued(world), (want));                                                \
        assert_int_equal(server.calls, ARRAY_SIZE(pages_));                                        \
    } while (0)

#define INFO(name, config, state, created)                                                         \
    "{\"config\":{\"name\":\"" name "\"" config "},\"state\":{\"messages\":" state                 \
    "},\"created\":\"" created "\"}"
#define PAGE(total, streams) "{\"total\":" total ",\"streams\":[" streams "]}"
#define A                    INFO("TENANT_A", "", "1", "t1")
#define B                    INFO("TENANT_B", "", "1", "t1")

#define SWEEP_TEST(name) static void name(void **state)

/* A pass over the tenant found, or left, the stream as INFO says. */
static void looked(World *world, const char *tenant, const char *info)
{
    DEFER(defer_json) cJSON *stream = NULL;
    Job job;
    Error error;

    assert_int_equal(json_parse(info, strlen(info), &stream, &error), 0);
    dispatcher_enqueue(world->dispatcher, tenant, QUEUE_USER);
    assert_true(dispatcher_take(world->dispatcher, &job));
    assert_string_equal(job.tenant, tenant);
    dispatcher_finish(
        world->dispatcher, &job,
        (JobEnd){
            .retry = RETRY_NEVER, .again_ms = -1, .looked = true, .print = stream_print(stream)});
}

SWEEP_TEST(a_stream_as_the_pass_left_it_queues_nothing)
{
    looked(*state, "a", A);
    looked(*state, "b", B);
    SWEEP_QUEUES(*state, "", PAGE("2", A "," B));
    SWEEP_QUEUES(*state, "", PAGE("2", A "," B));
}

SWEEP_TEST(a_stream_that_no_pass_has_seen_queues_its_tenant_once)
{
    looked(*state, "a", A);
    SWEEP_QUEUES(*state, "b ", PAGE("2", A "," B));
    SWEEP_QUEUES(*state, "", PAGE("2", A "," B));
}

SWEEP_TEST(what_changed_between_the_pass_and_the_sweep_queues_the_tenant)
{
    looked(*state, "a", A);
    SWEEP_QUEUES(*state, "a ", PAGE("1", INFO("TENANT_A", ",\"max_age\":1", "1", "t1")));
    looked(*state, "a", A);
    SWEEP_QUEUES(*state, "", PAGE("1", A));
}

SWEEP_TEST(a_change_of_configuration_state_or_birth_queues_the_tenant)
{
    looked(*state, "a", A);
    looked(*state, "b", B);
    SWEEP_QUEUES(*state, "a ", PAGE("2", INFO("TENANT_A", ",\"max_age\":1", "1", "t1") "," B));
    SWEEP_QUEUES(*state, "a ", PAGE("2", INFO("TENANT_A", ",\"max_age\":1", "2", "t1") "," B));
    SWEEP_QUEUES(*state, "a ", PAGE("2", INFO("TENANT_A", ",\"max_age\":1", "2", "t2") "," B));
    SWEEP_QUEUES(*state, "", PAGE("2", INFO("TENANT_A", ",\"max_age\":1", "2", "t2") "," B));
}

SWEEP_TEST(a_consumer_more_or_less_queues_the_tenant)
{
#define CONSUMERS(count)                                                                           \
    "{\"config\":{\"name\":\"TENANT_A\"},\"state\":{\"consumer_count\":" count "}}"
    looked(*state, "a", CONSUMERS("2"));
    SWEEP_QUEUES(*state, "", PAGE("1", CONSUMERS("2")));
    SWEEP_QUEUES(*state, "a ", PAGE("1", CONSUMERS("1")));
}

SWEEP_TEST(what_the_server_says_of_itself_is_no_change)
{
#define METADATA(members)                                                                          \
    INFO("TENANT_A", ",\"metadata\":{" members "\"bulkhead.dev/uid\":\"x\"}", "1", "t1")
    looked(*state, "a", METADATA("\"_nats.level\":\"5\",\"_nats.ver\":\"2.15.2\","));
    SWEEP_QUEUES(*state, "", PAGE("1", METADATA("")));
    SWEEP_QUEUES(*state, "a ", PAGE("1", METADATA("\"bulkhead.dev/relay.weight\":\"2\",")));
}

SWEEP_TEST(a_stream_that_vanished_queues_its_tenant_once)
{
    looked(*state, "a", A);
    looked(*state, "b", B);
    SWEEP_QUEUES(*state, "b ", PAGE("1", A));
    SWEEP_QUEUES(*state, "", PAGE("1", A));
    SWEEP_QUEUES(*state, "a ", PAGE("0", ""));
}

SWEEP_TEST(a_stream_of_no_tenant_queues_nothing)
{
    SWEEP_QUEUES(*state, "", PAGE("1", INFO("TENANT_RETAINED", "", "1", "t1")));
    SWEEP_QUEUES(*state, "", PAGE("0", ""));
}

SWEEP_TEST(the_fleet_hears_which_streams_reach_into_others)
{
    World *world = *state;
    Surroundings found;

    fleet_look(world->fleet, "acme", &found);
    assert_false(found.swept);
    SWEEP_QUEUES(world, "", PAGE("1", INFO("X", ",\"subjects\":[\"tenant.acme.x\"]", "1", "t1")));
    fleet_look(world->fleet, "acme", &found);
    assert_true(found.swept);
    assert_string_equal(found.intruders, "stream X takes tenant.acme.x");
    SWEEP_QUEUES(world, "", PAGE("0", ""));
    fleet_look(world->fleet, "acme", &found);
    assert_string_equal(found.intruders, "");
}

SWEEP_TEST(a_stream_that_came_back_is_looked_at_like_a_new_one)
{
    looked(*state, "a", A);
    SWEEP_QUEUES(*state, "a ", PAGE("0", ""));
    SWEEP_QUEUES(*state, "a ", PAGE("1", A));
    SWEEP_QUEUES(*state, "a ", PAGE("1", INFO("TENANT_A", "", "9", "t1")));
}

SWEEP_TEST(streams_that_are_no_tenants_do_not_count)
{
    looked(*state, "a", A);
    SWEEP_QUEUES(*state, "", PAGE("2", A "," INFO("ORDERS", "", "1", "t1")));
    SWEEP_QUEUES(*state, "", PAGE("2", A "," INFO("ORDERS", "", "2", "t1")));
    SWEEP_QUEUES(*state, "", PAGE("1", A));
}

SWEEP_TEST(pages_are_read_to_the_end)
{
    SWEEP_QUEUES(*state, "a b c ", PAGE("3", A "," B), PAGE("3", INFO("TENANT_C", "", "1", "t1")));
    assert_int_equal(server.offsets[0], 0);
    assert_int_equal(server.offsets[1], 2);
    SWEEP_QUEUES(*state, "c ", PAGE("3", A "," B), PAGE("3", INFO("TENANT_C", "", "2", "t1")));
}

SWEEP_TEST(an_empty_page_ends_a_list_that_became_shorter)
{
    SWEEP_QUEUES(*state, "a ", PAGE("9", A), PAGE("9", ""));
}

SWEEP_TEST(a_page_that_cannot_be_read_makes_nobody_vanish)
{
    static const char *const broken[] = {PAGE("3", A), NULL};
    Error error;

    looked(*state, "a", A);
    looked(*state, "b", B);
    assert_int_equal(sweep(*state, broken, ARRAY_SIZE(broken), &error), -1);
    assert_string_equal(error.text, "NATS is away");
    assert_string_equal(queued(*state), "");
    SWEEP_QUEUES(*state, "", PAGE("2", A "," B));
}

SWEEP_TEST(a_stream_without_a_leader_has_not_vanished)
{
    static const char *const leaderless[] = {"{\"total\":2,\"streams\":[" A
                                             "],\"missing\":[\"TENANT_B\"]}"};
    Error error;

    looked(*state, "a", A);
    looked(*state, "b", B);
    assert_int_equal(sweep(*state, leaderless, 1, &error), -1);
    assert_int_equal(error.kind, ERROR_BUSY);
    assert_string_equal(error.text, "streams without a leader at the moment: 1");
    assert_string_equal(queued(*state), "");
    SWEEP_QUEUES(*state, "b ", PAGE("2", A "," INFO("TENANT_B", "", "2", "t1")));
}

SWEEP_TEST(an_edit_overtakes_what_the_sweep_found)
{
    static const char *const changed[] = {PAGE("1", INFO("TENANT_A", "", "2", "t1"))};
    World *world = *state;
    Error error;

    looked(world, "a", A);
    assert_int_equal(sweep(world, changed, 1, &error), 0);
    dispatcher_enqueue(world->dispatcher, "edited", QUEUE_USER);
    assert_string_equal(queued(world), "edited a ");
}

#define SWEEP_UNIT_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWEEP_UNIT_TEST(a_stream_as_the_pass_left_it_queues_nothing),
        SWEEP_UNIT_TEST(a_stream_that_no_pass_has_seen_queues_its_tenant_once),
        SWEEP_UNIT_TEST(what_changed_between_the_pass_and_the_sweep_queues_the_tenant),
        SWEEP_UNIT_TEST(a_change_of_configuration_state_or_birth_queues_the_tenant),
        SWEEP_UNIT_TEST(a_consumer_more_or_less_queues_the_tenant),
        SWEEP_UNIT_TEST(what_the_server_says_of_itself_is_no_change),
        SWEEP_UNIT_TEST(a_stream_that_vanished_queues_its_tenant_once),
        SWEEP_UNIT_TEST(a_stream_of_no_tenant_queues_nothing),
        SWEEP_UNIT_TEST(the_fleet_hears_which_streams_reach_into_others),
        SWEEP_UNIT_TEST(a_stream_that_came_back_is_looked_at_like_a_new_one),
        SWEEP_UNIT_TEST(streams_that_are_no_tenants_do_not_count),
        SWEEP_UNIT_TEST(pages_are_read_to_the_end),
        SWEEP_UNIT_TEST(an_empty_page_ends_a_list_that_became_shorter),
        SWEEP_UNIT_TEST(a_page_that_cannot_be_read_makes_nobody_vanish),
        SWEEP_UNIT_TEST(a_stream_without_a_leader_has_not_vanished),
        SWEEP_UNIT_TEST(an_edit_overtakes_what_the_sweep_found),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

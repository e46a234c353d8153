#include <poll.h>
#include <stdatomic.h>

#include "alloc.h"
#include "fake_http.h"
#include "kube_recorder.h"
#include "text.h"
#include "unit.h"

enum { WAIT_MS = 10000, BUDGET_MS = 5000 };

static const FakeReply yes = {.status = "201 Created", .body = "{}"};
static const FakeReply gone = {.status = "404 Not Found",
                               .body = "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"code\":404,"
                                       "\"details\":{\"name\":\"acme.1\"}}"};
static const FakeReply busy = {.status = "503 Service Unavailable", .body = "{}"};

typedef struct World {
    FakeHttp *server;
    KubeClient *client;
    KubeRecorder *recorder;
    atomic_int lost;
} World;

static void on_lost(void *context, const Error *error)
{
    World *world = context;

    assert(error->kind != ERROR_NONE);
    atomic_fetch_add(&world->lost, 1);
}

static void world_start(World *world, const FakeReply *replies, size_t count)
{
    KubeConfig *config = xcalloc(1, sizeof *config);
    Error error = {0};

    world->server = fake_http_start(replies, count);
    config->origin = xstrdup("test");
    config->server = xstrdup(fake_http_url(world->server));
    assert_int_equal(kube_client_new(config, "me", &world->client, &error), 0);
    world->recorder = kube_recorder_start(&(KubeRecorderSettings){
        .client = world->client,
        .controller = "b/c",
        .instance = "pod-1",
        .retry_ms = 1,
        .on_lost = on_lost,
        .context = world,
    });
}

static void world_done(World *world)
{
    kube_recorder_stop(TAKE(world->recorder), BUDGET_MS);
    kube_client_free(world->client);
    fake_http_stop(world->server);
}

static void tell(const World *world, const char *reason)
{
    DEFER(defer_json) cJSON *object = NULL;
    static const char text[] = "{\"kind\":\"Tenant\",\"metadata\":{\"name\":\"acme\"}}";
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &object, &error), 0);
    kube_recorder_tell(world->recorder, &(KubeEvent){.regarding = object,
                                                     .reason = reason,
                                                     .action = "Reconcile",
                                                     .note = "a note"});
}

static void end(World *world)
{
    kube_recorder_stop(TAKE(world->recorder), BUDGET_MS);
}

static void is_request(const World *world, size_t i, const char *begins, const char *has)
{
    const char *request = fake_http_request(world->server, i);

    if (!text_starts(request, begins) || strstr(request, has) == NULL)
        fail_msg("request %zu is not '%s' with '%s' but:\n%s", i, begins, has, request);
}

#define CREATE "POST /apis/events.k8s.io/v1/namespaces/default/events HTTP"
#define COUNT  "PATCH /apis/events.k8s.io/v1/namespaces/default/events/acme."

TEST(an_event_is_created_once_counted_once_and_at_the_end)
{
    static const FakeReply replies[] = {
        {.body = "{}"}, {.body = "{}"}, {.body = "{}"}, {.body = "{}"}};
    DEFER(world_done) World world = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    for (int i = 0; i < 40; i++)
        tell(&world, "Drifted");
    end(&world);
    assert_int_equal(fake_http_requests(world.server), 3);
    is_request(&world, 0, CREATE, "\"reason\":\"Drifted\"");
    is_request(&world, 0, CREATE,
               "\"reportingController\":\"b/c\",\"reportingInstance\":\"pod-1\"");
    is_request(&world, 1, COUNT, "{\"series\":{\"count\":2,\"lastObservedTime\":\"2");
    is_request(&world, 1, COUNT, "Content-Type: application/merge-patch+json");
    is_request(&world, 2, COUNT, "{\"series\":{\"count\":40,");
    assert_int_equal(world.lost, 0);
}

TEST(an_event_that_the_server_has_forgotten_is_created_again_with_its_count)
{
    const FakeReply replies[] = {yes, gone, yes};
    DEFER(world_done) World world = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    tell(&world, "Drifted");
    tell(&world, "Drifted");
    end(&world);
    assert_int_equal(fake_http_requests(world.server), 3);
    is_request(&world, 1, COUNT, "\"count\":2");
    is_request(&world, 2, CREATE, "\"series\":{\"count\":2,");
    assert_int_equal(world.lost, 0);
}

TEST(a_server_that_is_busy_is_tried_again_a_bounded_number_of_times)
{
    FakeReply replies[KUBE_RECORDER_TRIES + 1];
    DEFER(world_done) World world = {0};

    for (size_t i = 0; i < KUBE_RECORDER_TRIES; i++)
        replies[i] = busy;
    replies[KUBE_RECORDER_TRIES] = yes;
    world_start(&world, replies, ARRAY_SIZE(replies));
    tell(&world, "First");
    struct pollfd never = {.fd = -1};
    for (int waited = 0; world.lost == 0 && waited < WAIT_MS; waited += 5)
        (void)poll(&never, 1, 5);
    assert_int_equal(world.lost, 1);
    assert_int_equal(fake_http_requests(world.server), KUBE_RECORDER_TRIES);
    tell(&world, "Second");
    end(&world);
    is_request(&world, KUBE_RECORDER_TRIES, CREATE, "\"reason\":\"Second\"");
}

TEST(what_the_server_refuses_is_not_tried_again)
{
    static const FakeReply refused = {.status = "422 Unprocessable Entity", .body = "{}"};
    const FakeReply replies[] = {refused, yes};
    DEFER(world_done) World world = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    tell(&world, "First");
    tell(&world, "Second");
    end(&world);
    assert_int_equal(world.lost, 1);
    assert_int_equal(fake_http_requests(world.server), 2);
}

/* The server is silent while more Events come than the queue holds: nobody waits. */
TEST(more_than_the_queue_holds_is_dropped_and_nobody_waits)
{
    static const FakeReply silent = {.body = "{", .end = FAKE_OPEN};
    const FakeReply replies[] = {silent};
    DEFER(world_done) World world = {0};
    char reason[32];

    world_start(&world, replies, ARRAY_SIZE(replies));
    for (int i = 0; i < 2 * KUBE_RECORDER_QUEUE; i++) {
        (void)snprintf(reason, sizeof reason, "R%d", i);
        tell(&world, reason);
    }
    kube_recorder_stop(TAKE(world.recorder), 0);
    assert_true(fake_http_requests(world.server) <= 1);
    assert_true(world.lost >= KUBE_RECORDER_QUEUE - 1 && world.lost <= KUBE_RECORDER_QUEUE + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_created_once_counted_once_and_at_the_end),
        cmocka_unit_test(an_event_that_the_server_has_forgotten_is_created_again_with_its_count),
        cmocka_unit_test(a_server_that_is_busy_is_tried_again_a_bounded_number_of_times),
        cmocka_unit_test(what_the_server_refuses_is_not_tried_again),
        cmocka_unit_test(more_than_the_queue_holds_is_dropped_and_nobody_waits),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

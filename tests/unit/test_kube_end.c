#include <sys/timerfd.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "fake_http.h"
#include "kube_client.h"
#include "unit.h"

enum { END_AFTER_NS = 100000000, WITHIN_MS = 300, LATE_MS = 5000 };

static const KubeRequest get = {.method = "GET", .path = "/p"};

typedef struct World {
    FakeHttp *server;
    KubeClient *client;
    int end; /* readable from a tenth of a second on */
} World;

static void world_start(World *world, const FakeReply *replies, size_t count)
{
    const struct itimerspec soon = {.it_value = {.tv_nsec = END_AFTER_NS}};
    KubeConfig *config = xcalloc(1, sizeof *config);
    Error error = {0};

    world->server = fake_http_start(replies, count);
    world->end = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    assert_int_equal(timerfd_settime(world->end, 0, &soon, NULL), 0);
    config->origin = xstrdup("test");
    config->server = xstrdup(fake_http_url(world->server));
    assert_int_equal(kube_client_new(config, "test", &world->client, &error), 0);
    kube_client_end_with(world->client, world->end, WITHIN_MS);
}

static void world_done(World *world)
{
    kube_client_free(world->client);
    fake_http_stop(world->server);
    (void)close(world->end);
}

/* How it ended; that it did in time is held. */
static ErrorKind ask(const World *world)
{
    DEFER(kube_response_done) KubeResponse response = {0};
    Error error = {.kind = ERROR_NONE};
    int64_t start_ms = clock_ms();
    int r = kube_request(world->client, &get, &response, &error);

    assert_true(clock_ms() - start_ms < LATE_MS);
    return r < 0 ? error.kind : ERROR_NONE;
}

static void wait_for_the_end(const World *world)
{
    uint64_t times;

    assert_int_equal(read(world->end, &times, sizeof times), sizeof times);
    assert_int_equal(
        timerfd_settime(world->end, 0, &(struct itimerspec){.it_value = {.tv_nsec = 1}}, NULL), 0);
}

TEST(what_waits_to_be_sent_again_is_not_sent_again_after_the_end)
{
    static const FakeReply replies[] = {
        {.status = "429 Too Many Requests", .headers = "Retry-After: 20\r\n"}};
    DEFER(world_done) World world = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    assert_int_equal(ask(&world), ERROR_BUSY);
    assert_int_equal(fake_http_requests(world.server), 1);
}

TEST(an_answer_is_waited_for_a_little_longer_and_not_for_ever)
{
    static const FakeReply replies[] = {{.body = "{", .end = FAKE_OPEN}};
    DEFER(world_done) World world = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    assert_int_equal(ask(&world), ERROR_BUSY);
}

TEST(a_request_after_the_end_is_sent_once)
{
    static const FakeReply replies[] = {
        {.body = "{}"}, {.status = "401 Unauthorized"}, {.status = "200 OK", .body = "{}"}};
    DEFER(world_done) World world = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    wait_for_the_end(&world);
    assert_int_equal(ask(&world), ERROR_NONE);
    assert_int_equal(ask(&world), ERROR_DENIED);
    assert_int_equal(fake_http_requests(world.server), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_to_be_sent_again_is_not_sent_again_after_the_end),
        cmocka_unit_test(an_answer_is_waited_for_a_little_longer_and_not_for_ever),
        cmocka_unit_test(a_request_after_the_end_is_sent_once),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

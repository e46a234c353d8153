#include "alloc.h"
#include "fake_http.h"
#include "lease.h"
#include "text.h"
#include "unit.h"

#define PATH "/apis/coordination.k8s.io/v1/namespaces/ns/leases"
#define RECORD(version, holder)                                                                    \
    "{\"metadata\":{\"name\":\"l\",\"namespace\":\"ns\",\"resourceVersion\":\"" version            \
    "\"},\"spec\":{\"holderIdentity\":\"" holder                                                   \
    "\",\"leaseDurationSeconds\":15,\"acquireTime\":\"2026-01-01T00:00:00.000000Z\","              \
    "\"renewTime\":\"2026-01-01T00:00:00.000000Z\",\"leaseTransitions\":4}}"

static const FakeReply none = {.status = "404 Not Found",
                               .body = "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"code\":404,"
                                       "\"details\":{\"name\":\"l\",\"kind\":\"leases\"}}"};
static const FakeReply conflict = {.status = "409 Conflict",
                                   .body = "{\"kind\":\"Status\",\"reason\":\"Conflict\"}"};
static const FakeReply ours = {.body = RECORD("7", "me")};
static const FakeReply ours_later = {.body = RECORD("8", "me")};
static const FakeReply theirs = {.body = RECORD("9", "other")};
static const FakeReply free_again = {.body = RECORD("10", "")};

typedef struct World {
    FakeHttp *server;
    KubeClient *client;
    Lease *lease;
} World;

static void world_start(World *world, const FakeReply *replies, size_t count)
{
    KubeConfig *config = xcalloc(1, sizeof *config);
    Error error = {0};

    world->server = fake_http_start(replies, count);
    config->origin = xstrdup("test");
    config->server = xstrdup(fake_http_url(world->server));
    assert_int_equal(kube_client_new(config, "me", &world->client, &error), 0);
    kube_client_limit(world->client, 1, 1); /* which a lease does not wait for */
    world->lease = lease_new(
        &(LeaseSettings){.client = world->client, .namespace = "ns", .name = "l", .holder = "me"});
}

static void world_done(World *world)
{
    lease_free(world->lease);
    kube_client_free(world->client);
    fake_http_stop(world->server);
}

static bool held(const World *world)
{
    bool held = false;
    int64_t sent_ms = 0;
    Error error = {0};

    if (lease_try(world->lease, &held, &sent_ms, &error) < 0)
        fail_msg("%s", error.text);
    assert_true(!held || sent_ms > 0);
    return held;
}

static void is_request(const World *world, size_t i, const char *begins, const char *has)
{
    const char *request = fake_http_request(world->server, i);

    if (!text_starts(request, begins) || strstr(request, has) == NULL)
        fail_msg("request %zu is not '%s' with '%s' but:\n%s", i, begins, has, request);
}

TEST(a_lease_that_is_not_there_is_made_and_renewed_by_one_write)
{
    const FakeReply replies[] = {none, ours, ours_later};
    DEFER(world_done) World world = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    assert_true(held(&world));
    assert_true(held(&world));
    assert_int_equal(fake_http_requests(world.server), 3);
    is_request(&world, 0, "GET " PATH "/l ", "");
    is_request(&world, 1, "POST " PATH " ",
               "\"holderIdentity\":\"me\",\"leaseDurationSeconds\":15");
    is_request(&world, 2, "PUT " PATH "/l ", "\"resourceVersion\":\"7\"");
    assert_int_equal(lease_slow_paths(world.lease), 0);
}

TEST(a_lease_that_somebody_holds_is_only_read)
{
    const FakeReply replies[] = {theirs, theirs};
    DEFER(world_done) World world = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    assert_false(held(&world));
    assert_false(held(&world));
    is_request(&world, 1, "GET " PATH "/l ", "");
    assert_string_equal(lease_holder(world.lease), "other");
}

TEST(a_renewal_that_is_refused_looks_who_was_faster)
{
    const FakeReply replies[] = {none, ours, conflict, theirs};
    DEFER(world_done) World world = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    assert_true(held(&world));
    assert_false(held(&world));
    assert_int_equal(lease_slow_paths(world.lease), 1);
    assert_string_equal(lease_holder(world.lease), "other");
}

TEST(a_record_that_was_touched_and_still_names_us_is_renewed)
{
    const FakeReply replies[] = {none, ours, conflict, ours_later, ours_later};
    DEFER(world_done) World world = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    assert_true(held(&world));
    assert_true(held(&world));
    is_request(&world, 4, "PUT " PATH "/l ", "\"resourceVersion\":\"8\"");
    assert_int_equal(lease_slow_paths(world.lease), 1);
}

TEST(a_record_that_was_deleted_is_made_again)
{
    const FakeReply replies[] = {none, ours, none, none, ours_later};
    DEFER(world_done) World world = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    assert_true(held(&world));
    assert_true(held(&world));
    is_request(&world, 4, "POST " PATH " ", "\"holderIdentity\":\"me\"");
}

TEST(a_lease_that_is_touched_again_and_again_is_left_until_the_next_turn)
{
    const FakeReply replies[] = {none, ours, conflict, ours_later, conflict, ours_later};
    DEFER(world_done) World world = {0};
    bool held_still = false;
    int64_t sent_ms = 0;
    Error error = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    assert_true(held(&world));
    assert_int_equal(lease_try(world.lease, &held_still, &sent_ms, &error), -1);
    assert_int_equal(error.kind, ERROR_CONFLICT);
    assert_string_equal(lease_holder(world.lease), "me");
}

TEST(a_lease_is_given_back_even_if_its_record_was_touched)
{
    const FakeReply replies[] = {none, ours, conflict, ours_later, free_again};
    DEFER(world_done) World world = {0};
    Error error = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    assert_true(held(&world));
    assert_int_equal(lease_release(world.lease, &error), 0);
    is_request(&world, 2, "PUT " PATH "/l ", "\"holderIdentity\":\"\",\"leaseDurationSeconds\":1");
    is_request(&world, 4, "PUT " PATH "/l ", "\"resourceVersion\":\"8\"");
    is_request(&world, 4, "PUT " PATH "/l ", "\"leaseTransitions\":4");
    assert_string_equal(lease_holder(world.lease), "");
}

TEST(what_somebody_else_has_by_now_is_not_given_back)
{
    const FakeReply replies[] = {none, ours, conflict, theirs};
    DEFER(world_done) World world = {0};
    Error error = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    assert_true(held(&world));
    assert_int_equal(lease_release(world.lease, &error), 0);
    assert_int_equal(fake_http_requests(world.server), 4);
}

TEST(giving_back_is_not_tried_for_ever)
{
    const FakeReply replies[] = {none, ours, conflict, ours_later, conflict, ours_later, conflict};
    DEFER(world_done) World world = {0};
    Error error = {0};

    world_start(&world, replies, ARRAY_SIZE(replies));
    assert_true(held(&world));
    assert_int_equal(lease_release(world.lease, &error), -1);
    assert_int_equal(error.kind, ERROR_CONFLICT);
    assert_int_equal(fake_http_requests(world.server), ARRAY_SIZE(replies));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_that_is_not_there_is_made_and_renewed_by_one_write),
        cmocka_unit_test(a_lease_that_somebody_holds_is_only_read),
        cmocka_unit_test(a_renewal_that_is_refused_looks_who_was_faster),
        cmocka_unit_test(a_record_that_was_touched_and_still_names_us_is_renewed),
        cmocka_unit_test(a_record_that_was_deleted_is_made_again),
        cmocka_unit_test(a_lease_that_is_touched_again_and_again_is_left_until_the_next_turn),
        cmocka_unit_test(a_lease_is_given_back_even_if_its_record_was_touched),
        cmocka_unit_test(what_somebody_else_has_by_now_is_not_given_back),
        cmocka_unit_test(giving_back_is_not_tried_for_ever),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

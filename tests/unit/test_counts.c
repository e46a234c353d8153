#include "counts.h"
#include "text.h"
#include "unit.h"
#include "yaml_value.h"

static void add(Counts *counts, const char *answer)
{
    DEFER(defer_json) cJSON *value = yaml_value(answer);
    Error error;

    if (counts_add(counts, value, &error) < 0)
        fail_msg("%s", error.text);
}

static void collect(void *context, const char *tenant_id, const cJSON *numbers)
{
    Text *text = context;
    DEFER(defer_free) char *json = json_print(numbers);

    text_addf(text, "%s %s\n", tenant_id, json);
}

static void numbers_are(const Counts *counts, const char *want)
{
    DEFER(text_done) Text text = TEXT_MAX(4096);

    counts_each(counts, collect, &text);
    assert_string_equal(text_get(&text), want);
}

TEST(a_server_alone_counts_everything)
{
    DEFER(defer_counts) Counts *counts = counts_new();
    const ServerStore *servers = NULL;

    assert_false(counts_complete(counts));
    add(counts,
        "{server: {name: one}, data: {reserved_storage: 10, reserved_memory: 1, config: "
        "{max_storage: 100, max_memory: 50}, account_details: [{name: $G, stream_detail: [{name: "
        "TENANT_ACME, created: x, state: {messages: 3, bytes: 30, first_seq: 1, last_seq: 3, "
        "last_ts: t, consumer_count: 1}, consumer_detail: [{name: b, num_pending: 2, "
        "num_ack_pending: 1, num_redelivered: 0, num_waiting: 5}, {name: a, num_pending: 9, "
        "num_ack_pending: 0, num_redelivered: 4}]}, {name: OTHER, created: z, state: {}}]}]}}");
    assert_true(counts_complete(counts));
    numbers_are(counts,
                "acme {\"consumers\":[{\"name\":\"a\",\"num_pending\":9,\"num_ack_pending\":0,"
                "\"num_redelivered\":4},{\"name\":\"b\",\"num_pending\":2,\"num_ack_pending\":1,"
                "\"num_redelivered\":0}],\"stream\":{\"created\":\"x\",\"state\":{\"messages\":3,"
                "\"bytes\":30,\"first_seq\":1,\"last_seq\":3,\"last_ts\":\"t\"}}}\n");
    assert_int_equal(counts_servers(counts, &servers), 1);
    assert_string_equal(servers[0].name, "one");
    assert_int_equal(servers[0].max_file - servers[0].reserved_file, 90);
    assert_int_equal(servers[0].max_memory - servers[0].reserved_memory, 49);
}

/* The stream is led by n1, the consumer by n2; each replica reports both. */
#define REPLICA(server, messages, pending, meta)                                                   \
    "{server: {name: " server "}, data: {meta_cluster: {" meta "}, account_details: "              \
    "[{stream_detail: [{name: TENANT_ACME, created: x, cluster: {leader: n1}, state: "             \
    "{messages: " messages "}, consumer_detail: [{name: a, num_pending: " pending                  \
    ", cluster: {leader: n2}}]}]}"                                                                 \
    "]}}"

TEST(in_a_cluster_each_leader_counts_its_own)
{
    DEFER(defer_counts) Counts *counts = counts_new();

    add(counts, REPLICA("n3", "7", "77", "cluster_size: 3"));
    assert_false(counts_complete(counts));
    numbers_are(counts, "");
    add(counts, REPLICA("n2", "8", "88", "cluster_size: 3"));
    add(counts, REPLICA("n1", "9", "99", "cluster_size: 3"));
    assert_true(counts_complete(counts));
    numbers_are(counts, "acme {\"consumers\":[{\"name\":\"a\",\"num_pending\":88}],\"stream\":"
                        "{\"created\":\"x\",\"state\":{\"messages\":9}}}\n");
}

TEST(who_is_away_is_not_waited_for)
{
    DEFER(defer_counts) Counts *counts = counts_new();

    add(counts, REPLICA("n2", "8", "88",
                        "cluster_size: 3, replicas: [{name: n1}, {name: n3, offline: true}]"));
    assert_false(counts_complete(counts));
    add(counts, REPLICA("n1", "9", "99", "cluster_size: 3"));
    assert_true(counts_complete(counts));
}

TEST(what_has_no_leader_at_the_moment_is_left_out)
{
    DEFER(defer_counts) Counts *counts = counts_new();

    add(counts, "{server: {name: n1}, data: {account_details: [{stream_detail: [{name: TENANT_A, "
                "created: x, cluster: {name: c}, state: {messages: 1}}, {name: TENANT_B, created: "
                "x, cluster: {leader: n1}, state: {messages: 1}, consumer_detail: [{name: a, "
                "num_pending: 5, cluster: {name: c}}]}]}]}}");
    numbers_are(counts, "b {\"consumers\":[],\"stream\":{\"created\":\"x\",\"state\":{\"messages\":"
                        "1}}}\n");
}

TEST(what_is_no_answer_is_refused)
{
    static const char *const answers[] = {"{}", "{server: {name: n1}}", "{data: {}}",
                                          "{server: {name: ''}, data: {}}"};

    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        DEFER(defer_counts) Counts *counts = counts_new();
        DEFER(defer_json) cJSON *value = yaml_value(answers[i]);
        Error error;

        assert_int_equal(counts_add(counts, value, &error), -1);
        assert_string_equal(error.text, "an answer to JSZ names no server or has no data");
    }
}

TEST(more_servers_than_any_cluster_has_are_left_out)
{
    DEFER(defer_counts) Counts *counts = counts_new();
    DEFER(defer_json) cJSON *answer = yaml_value("{server: {name: s}, data: {}}");
    Error error;

    for (int i = 0; i < COUNTS_SERVERS_MAX; i++)
        assert_int_equal(counts_add(counts, answer, &error), 0);
    assert_int_equal(counts_add(counts, answer, &error), -1);
    assert_string_equal(error.text, "more than 64 servers answer");
}

TEST(one_account_is_asked_for)
{
    DEFER(defer_free) char *request = counts_request("APP");

    assert_string_equal(request, "{\"account\":\"APP\",\"streams\":true,\"consumer\":true}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_alone_counts_everything),
        cmocka_unit_test(in_a_cluster_each_leader_counts_its_own),
        cmocka_unit_test(who_is_away_is_not_waited_for),
        cmocka_unit_test(what_has_no_leader_at_the_moment_is_left_out),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(more_servers_than_any_cluster_has_are_left_out),
        cmocka_unit_test(one_account_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

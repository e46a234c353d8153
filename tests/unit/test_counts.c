#include "counts.h"
#include "text.h"
#include "unit.h"
#include "yaml_value.h"

/* ANSWER is YAML; it comes as JSON, and stands for a server's two answers. */
static int try_add(Counts *counts, const char *answer, Error *reterr)
{
    DEFER(defer_json) cJSON *value = yaml_value(answer);
    DEFER(defer_free) char *text = json_print(value);

    if (counts_add_server(counts, text, strlen(text), reterr) < 0)
        return -1;
    return counts_add_streams(counts, text, strlen(text), reterr);
}

static void add(Counts *counts, const char *answer)
{
    Error error;

    if (try_add(counts, answer, &error) < 0)
        fail_msg("%s", error.text);
}

static void collect(void *context, const char *tenant_id, const Numbers *numbers)
{
    Text *text = context;
    const StreamNumbers *stream = &numbers->stream;

    text_addf(text, "%s %s: %" PRId64 " of %" PRId64 " bytes, %" PRId64 "..%" PRId64 " %s",
              tenant_id, stream->created, stream->messages, stream->bytes, stream->first_sequence,
              stream->last_sequence, stream->last_time);
    for (size_t i = 0; i < numbers->consumer_count; i++) {
        const ConsumerNumbers *consumer = &numbers->consumers[i];

        text_addf(text, "; %s %" PRId64 "+%" PRId64 ", %" PRId64 " again", consumer->name,
                  consumer->pending, consumer->ack_pending, consumer->redelivered);
    }
    text_add(text, "\n");
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
        "{server: {name: one, id: NA}, data: {reserved_storage: 10, reserved_memory: 1, config: "
        "{max_storage: 100, max_memory: 50}, account_details: [{name: $G, stream_detail: [{name: "
        "TENANT_ACME, created: x, state: {messages: 3, bytes: 30, first_seq: 1, last_seq: 3, "
        "last_ts: t, consumer_count: 1}, consumer_detail: [{name: b, num_pending: 2, "
        "num_ack_pending: 1, num_redelivered: 0, num_waiting: 5}, {name: a, num_pending: 9, "
        "num_ack_pending: 0, num_redelivered: 4}]}, {name: OTHER, created: z, state: {}}]}]}}");
    assert_true(counts_complete(counts));
    numbers_are(counts, "acme x: 3 of 30 bytes, 1..3 t; a 9+0, 4 again; b 2+1, 0 again\n");
    assert_int_equal(counts_servers(counts, &servers), 1);
    assert_string_equal(servers[0].name, "one");
    assert_string_equal(servers[0].id, "NA");
    assert_int_equal(servers[0].max_file - servers[0].reserved_file, 90);
    assert_int_equal(servers[0].max_memory - servers[0].reserved_memory, 49);
}

/* The stream is led by n1, the consumer by n2; each replica reports both. */
#define REPLICA(server, messages, pending, meta)                                                   \
    "{server: {name: " server ", id: NA}, data: {meta_cluster: {" meta "}, account_details: "      \
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
    numbers_are(counts, "acme x: 9 of 0 bytes, 0..0 ; a 88+0, 0 again\n");
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

    add(counts,
        "{server: {name: n1, id: NA}, data: {account_details: [{stream_detail: [{name: TENANT_A, "
        "created: x, cluster: {name: c}, state: {messages: 1}}, {name: TENANT_B, created: "
        "x, cluster: {leader: n1}, state: {messages: 1}, consumer_detail: [{name: a, "
        "num_pending: 5, cluster: {name: c}}]}]}]}}");
    numbers_are(counts, "b x: 1 of 0 bytes, 0..0 \n");
}

TEST(what_is_no_answer_is_refused)
{
    static const char *const answers[] = {
        "{}",
        "{server: {name: n1, id: NA}}",
        "{data: {}}",
        "{server: {name: '', id: NA}, data: {}}",
        "{server: {name: n1}, data: {}}",
        "{server: {name: n1, id: 'N A'}, data: {}}",
        "{server: {name: n1, id: N.A}, data: {}}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        DEFER(defer_counts) Counts *counts = counts_new();
        Error error;

        assert_int_equal(try_add(counts, answers[i], &error), -1);
        assert_string_equal(error.text, "an answer to JSZ names no server or has no data");
    }
}

/* Members come in any order, and others between them. */
TEST(the_order_of_members_does_not_matter)
{
    DEFER(defer_counts) Counts *counts = counts_new();

    add(counts, "{data: {account_details: [{stream_detail: [{consumer_detail: [{cluster: {leader: "
                "n1}, num_pending: 2, config: {name: z}, name: a}], mirror: {name: m}, state: "
                "{messages: 1}, cluster: {leader: n1}, created: x, name: TENANT_ACME}], name: "
                "APP}], meta_cluster: {cluster_size: 1}}, server: {name: n1, id: NA}}");
    numbers_are(counts, "acme x: 1 of 0 bytes, 0..0 ; a 2+0, 0 again\n");
}

TEST(what_comes_before_an_answer_breaks_off_is_counted)
{
    static const char answer[] = "{\"server\":{\"name\":\"n1\",\"id\":\"NA\"},\"data\":{\"account_"
                                 "details\":[{\"stream_detail\":[{"
                                 "\"name\":\"TENANT_A\",\"created\":\"x\",\"state\":{}},{\"name\":"
                                 "\"TENANT_B\",\"created\":y}]}]}}";
    DEFER(defer_counts) Counts *counts = counts_new();
    Error error;

    assert_int_equal(counts_add_streams(counts, answer, strlen(answer), &error), -1);
    assert_string_equal(error.text, "'created': not JSON");
    numbers_are(counts, "a x: 0 of 0 bytes, 0..0 \n");
}

TEST(more_servers_than_any_cluster_has_are_left_out)
{
    DEFER(defer_counts) Counts *counts = counts_new();
    static const char answer[] = "{server: {name: s, id: NA}, data: {}}";
    Error error;

    for (int i = 0; i < COUNTS_SERVERS_MAX; i++)
        assert_int_equal(try_add(counts, answer, &error), 0);
    assert_int_equal(try_add(counts, answer, &error), -1);
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
        cmocka_unit_test(the_order_of_members_does_not_matter),
        cmocka_unit_test(what_comes_before_an_answer_breaks_off_is_counted),
        cmocka_unit_test(more_servers_than_any_cluster_has_are_left_out),
        cmocka_unit_test(one_account_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <pthread.h>

#include "child.h"
#include "metrics.h"
#include "tenant_metrics.h"
#include "tenant_world.h"
#include "text.h"

#define SPEC "{\"consumers\":[{\"name\":\"billing\"},{\"name\":\"audit\"}]}"
#define STREAM(messages)                                                                           \
    "{\"state\":{\"messages\":" #messages ",\"bytes\":9007199254740991,\"last_seq\":12}}"
#define CONSUMER(name, pending, unacknowledged)                                                    \
    "{\"name\":\"" name "\",\"num_pending\":" #pending ",\"num_ack_pending\":" #unacknowledged     \
    ",\"num_redelivered\":3}"

/* A tenant named ID whose spec has two consumers, with what the server reports of it. */
static void count(const char *id, const char *stream, const char *consumers)
{
    World world;

    world_init(&world, SPEC);
    world.tenant.id = id;
    observed_done(&world.observed);
    world.observed.stream = stream != NULL ? world_json(stream) : NULL;
    world.observed.consumers = consumers != NULL ? world_json(consumers) : NULL;
    tenant_metrics_count(&world.tenant, &world.observed);
    world_done(&world);
}

/* A scrape, without HELP and TYPE. */
static void scrape(void)
{
    DEFER(text_done) Text all = TEXT_MAX(1 << 20);

    tenant_metrics_choose();
    metrics_render(&all);
    for (const char *line = text_get(&all); *line != '\0'; line += strcspn(line, "\n") + 1) {
        if (*line != '#')
            (void)printf("%.*s\n", (int)strcspn(line, "\n"), line);
    }
}

/* The records live as long as the process, so that each test has one of its own. */
static void output_is(int (*fn)(void *context), const char *want)
{
    const Child *child = child_run(fn, NULL);

    assert_string_equal(text_get(&child->err), "");
    assert_string_equal(text_get(&child->out), want);
    assert_int_equal(child->status, 0);
}

static int all_numbers(void *context)
{
    (void)context;
    tenant_metrics_register("full");
    tenant_metrics_ready("acme", OUTCOME_READY);
    count("acme", STREAM(7), "[" CONSUMER("billing", 1, 2) "," CONSUMER("guest", 4, 4) "]");
    tenant_metrics_ready("globex", OUTCOME_SUSPENDED);
    scrape();
    return 0;
}

TEST(each_number_of_a_tenant_and_of_a_declared_consumer_is_a_sample)
{
    output_is(all_numbers, "bulkhead_tenant_ready{tenant=\"acme\"} 1\n"
                           "bulkhead_tenant_ready{tenant=\"globex\"} 1\n"
                           "bulkhead_stream_messages{tenant=\"acme\"} 7\n"
                           "bulkhead_stream_bytes{tenant=\"acme\"} 9007199254740991\n"
                           "bulkhead_stream_last_sequence{tenant=\"acme\"} 12\n"
                           "bulkhead_consumer_pending{tenant=\"acme\",consumer=\"billing\"} 1\n"
                           "bulkhead_consumer_ack_pending{tenant=\"acme\",consumer=\"billing\"} 2\n"
                           "bulkhead_consumer_redelivered{tenant=\"acme\",consumer=\"billing\"} "
                           "3\n");
}

static int unknown_numbers(void *context)
{
    (void)context;
    tenant_metrics_register("full");
    tenant_metrics_ready("failing", OUTCOME_STALLED);
    count("counted", STREAM(0), NULL);
    count("emptied", STREAM(5), NULL);
    count("emptied", NULL, NULL);
    scrape();
    return 0;
}

TEST(a_number_that_is_not_known_is_left_out)
{
    output_is(unknown_numbers, "bulkhead_tenant_ready{tenant=\"failing\"} 0\n"
                               "bulkhead_stream_messages{tenant=\"counted\"} 0\n"
                               "bulkhead_stream_bytes{tenant=\"counted\"} 9007199254740991\n"
                               "bulkhead_stream_last_sequence{tenant=\"counted\"} 12\n");
}

static int consumer_removed(void *context)
{
    (void)context;
    tenant_metrics_register("full");
    count("acme", NULL, "[" CONSUMER("billing", 1, 2) "," CONSUMER("audit", 4, 4) "]");
    count("acme", NULL, "[" CONSUMER("audit", 5, 6) "]");
    scrape();
    return 0;
}

TEST(a_consumer_that_is_gone_leaves_no_sample)
{
    output_is(consumer_removed,
              "bulkhead_consumer_pending{tenant=\"acme\",consumer=\"audit\"} 5\n"
              "bulkhead_consumer_ack_pending{tenant=\"acme\",consumer=\"audit\"} 6\n"
              "bulkhead_consumer_redelivered{tenant=\"acme\",consumer=\"audit\"} 3\n");
}

static int tenant_forgotten(void *context)
{
    (void)context;
    tenant_metrics_register("full");
    tenant_metrics_ready("acme", OUTCOME_READY);
    tenant_metrics_ready("globex", OUTCOME_READY);
    count("acme", STREAM(7), "[" CONSUMER("billing", 1, 2) "]");
    tenant_metrics_forget("acme");
    tenant_metrics_forget("never");
    scrape();
    return 0;
}

TEST(a_tenant_that_is_gone_leaves_no_sample)
{
    output_is(tenant_forgotten, "bulkhead_tenant_ready{tenant=\"globex\"} 1\n");
}

static int hostile_names(void *context)
{
    (void)context;
    tenant_metrics_register("full");
    tenant_metrics_ready("a\"} 1\n\\", OUTCOME_READY);
    scrape();
    return 0;
}

TEST(names_are_escaped)
{
    output_is(hostile_names, "bulkhead_tenant_ready{tenant=\"a\\\"} 1\\n\\\\\"} 1\n");
}

static int top_two(void *context)
{
    (void)context;
    tenant_metrics_register("top:2");
    for (const char *const *id = (const char *const[]){"b", "a", "d", "c", NULL}; *id != NULL; id++)
        tenant_metrics_ready(*id, OUTCOME_READY);
    scrape();
    count("c", NULL, "[" CONSUMER("billing", 3, 4) "," CONSUMER("audit", 1, 1) "]");
    count("d", NULL, "[" CONSUMER("billing", 4, 4) "]");
    scrape();
    return 0;
}

TEST(of_the_top_the_one_with_the_most_lag_counts_and_then_the_id)
{
    output_is(top_two, "bulkhead_tenant_ready{tenant=\"b\"} 1\n"
                       "bulkhead_tenant_ready{tenant=\"a\"} 1\n"
                       "bulkhead_tenant_ready{tenant=\"d\"} 1\n"
                       "bulkhead_tenant_ready{tenant=\"c\"} 1\n"
                       "bulkhead_consumer_pending{tenant=\"d\",consumer=\"billing\"} 4\n"
                       "bulkhead_consumer_pending{tenant=\"c\",consumer=\"billing\"} 3\n"
                       "bulkhead_consumer_pending{tenant=\"c\",consumer=\"audit\"} 1\n"
                       "bulkhead_consumer_ack_pending{tenant=\"d\",consumer=\"billing\"} 4\n"
                       "bulkhead_consumer_ack_pending{tenant=\"c\",consumer=\"billing\"} 4\n"
                       "bulkhead_consumer_ack_pending{tenant=\"c\",consumer=\"audit\"} 1\n"
                       "bulkhead_consumer_redelivered{tenant=\"d\",consumer=\"billing\"} 3\n"
                       "bulkhead_consumer_redelivered{tenant=\"c\",consumer=\"billing\"} 3\n"
                       "bulkhead_consumer_redelivered{tenant=\"c\",consumer=\"audit\"} 3\n");
}

static int switched_off(void *context)
{
    (void)context;
    tenant_metrics_register("off");
    tenant_metrics_ready("acme", OUTCOME_READY);
    count("acme", STREAM(7), "[" CONSUMER("billing", 1, 2) "]");
    scrape();
    return 0;
}

TEST(off_shows_no_tenant)
{
    output_is(switched_off, "");
}

enum { THREADS = 4, ROUNDS = 200 };

static void *work(void *context)
{
    const char *id = context;

    for (int i = 0; i < ROUNDS; i++) {
        count(id, STREAM(7), "[" CONSUMER("billing", 1, 2) "]");
        if (i < ROUNDS - 1)
            tenant_metrics_forget(id);
    }
    return NULL;
}

static int together(void *context)
{
    static char ids[THREADS][2] = {"a", "b", "c", "d"};
    pthread_t threads[THREADS];

    (void)context;
    tenant_metrics_register("top:1");
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_create(&threads[i], NULL, work, ids[i]);
    for (int i = 0; i < ROUNDS; i++) {
        DEFER(text_done) Text text = TEXT_MAX(1 << 20);

        tenant_metrics_choose();
        metrics_render(&text);
    }
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    scrape();
    return 0;
}

TEST(a_scrape_may_come_at_any_moment)
{
    output_is(together, "bulkhead_stream_messages{tenant=\"a\"} 7\n"
                        "bulkhead_stream_bytes{tenant=\"a\"} 9007199254740991\n"
                        "bulkhead_stream_last_sequence{tenant=\"a\"} 12\n"
                        "bulkhead_consumer_pending{tenant=\"a\",consumer=\"billing\"} 1\n"
                        "bulkhead_consumer_ack_pending{tenant=\"a\",consumer=\"billing\"} 2\n"
                        "bulkhead_consumer_redelivered{tenant=\"a\",consumer=\"billing\"} 3\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_number_of_a_tenant_and_of_a_declared_consumer_is_a_sample),
        cmocka_unit_test(a_number_that_is_not_known_is_left_out),
        cmocka_unit_test(a_consumer_that_is_gone_leaves_no_sample),
        cmocka_unit_test(a_tenant_that_is_gone_leaves_no_sample),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(of_the_top_the_one_with_the_most_lag_counts_and_then_the_id),
        cmocka_unit_test(off_shows_no_tenant),
        cmocka_unit_test(a_scrape_may_come_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "alloc.h"
#include "clock.h"
#include "dispatcher.h"
#include "kube_path.h"
#include "metrics.h"
#include "unit.h"

static const JobEnd went_well = {.retry = RETRY_NEVER, .again_ms = -1};

static int dispatcher_setup(void **state)
{
    *state = dispatcher_new(kube_version_compare);
    return 0;
}

static int dispatcher_teardown(void **state)
{
    dispatcher_free(*state);
    return 0;
}

static cJSON *object_new(const char *name, int version)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *metadata = cJSON_CreateObject();
    char text[16];

    (void)snprintf(text, sizeof text, "%d", version);
    json_set_text(metadata, "name", name);
    json_set_text(metadata, "resourceVersion", text);
    json_set_int(metadata, "generation", version);
    json_set(object, "metadata", metadata);
    return object;
}

static void put(Dispatcher *dispatcher, const char *name, int version, bool initial)
{
    DEFER(defer_json) cJSON *object = object_new(name, version);

    dispatcher_put(dispatcher, object, initial);
}

/* Takes the next job, which is NAME's, and ends it. True if its object is known. */
static bool work_on(Dispatcher *dispatcher, const char *name, JobEnd end)
{
    Job job;

    assert_true(dispatcher_take(dispatcher, &job));
    assert_string_equal(job.tenant, name);
    bool known = job.object != NULL;
    dispatcher_finish(dispatcher, &job, end);
    return known;
}

#define DISPATCHER_TEST(name) static void name(void **state)

DISPATCHER_TEST(a_change_becomes_a_job_with_the_object)
{
    Dispatcher *dispatcher = *state;
    Job job;

    put(dispatcher, "a", 1, false);
    assert_true(dispatcher_take(dispatcher, &job));
    assert_string_equal(job.tenant, "a");
    assert_string_equal(
        job.object, "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\",\"generation\":1}}");
    assert_int_equal(dispatcher_counts(dispatcher).active, 1);
    dispatcher_finish(dispatcher, &job, went_well);
    assert_int_equal(dispatcher_counts(dispatcher).active, 0);
    assert_int_equal(dispatcher_counts(dispatcher).objects, 1);
}

DISPATCHER_TEST(a_deletion_becomes_a_job_without_an_object)
{
    Dispatcher *dispatcher = *state;
    DEFER(defer_json) cJSON *object = object_new("a", 2);

    put(dispatcher, "a", 1, false);
    assert_true(work_on(dispatcher, "a", went_well));
    dispatcher_delete(dispatcher, object);
    assert_false(work_on(dispatcher, "a", went_well));
}

DISPATCHER_TEST(edits_overtake_the_first_list)
{
    Dispatcher *dispatcher = *state;

    assert_false(dispatcher_synced(dispatcher));
    dispatcher_sync_begin(dispatcher);
    put(dispatcher, "a", 1, true);
    put(dispatcher, "b", 2, true);
    dispatcher_sync_end(dispatcher);
    assert_true(dispatcher_synced(dispatcher));
    put(dispatcher, "c", 3, false);
    (void)work_on(dispatcher, "c", went_well);
    (void)work_on(dispatcher, "a", went_well);
    (void)work_on(dispatcher, "b", went_well);
}

/* Told by a metric. */
static int depth(void)
{
    DEFER(text_done) Text page = TEXT_MAX(1 << 20);

    metrics_render(&page);
    const char *series = strstr(text_get(&page), "\nworkqueue_depth{name=\"tenant\"} ");
    return series != NULL ? (int)strtol(strchr(series, '}') + 1, NULL, 10) : -1;
}

DISPATCHER_TEST(what_waits_for_a_standby_is_no_backlog)
{
    Dispatcher *dispatcher = *state;

    put(dispatcher, "a", 1, true);
    put(dispatcher, "b", 1, true);
    assert_int_equal(depth(), 0);
    (void)work_on(dispatcher, "a", went_well);
    assert_int_equal(depth(), 1);
}

DISPATCHER_TEST(our_own_write_makes_no_work_and_brings_nothing_back)
{
    Dispatcher *dispatcher = *state;
    DEFER(defer_json) cJSON *gone = object_new("b", 5);
    DEFER(defer_json) cJSON *status = object_new("a", 2);

    put(dispatcher, "a", 1, false);
    (void)work_on(dispatcher, "a", went_well);
    json_set_int(cJSON_GetObjectItem(status, "metadata"), "generation", 1);
    dispatcher_store(dispatcher, status);
    dispatcher_store(dispatcher, gone);
    assert_int_equal(dispatcher_counts(dispatcher).depth, 0);
    assert_int_equal(dispatcher_counts(dispatcher).objects, 1);
}

DISPATCHER_TEST(the_time_of_the_last_numbers_is_kept_for_the_next_job)
{
    Dispatcher *dispatcher = *state;
    Job job;

    put(dispatcher, "a", 1, false);
    assert_true(dispatcher_take(dispatcher, &job));
    assert_int_equal(job.counted_ms, 0);
    job.counted_ms = 1234;
    dispatcher_finish(dispatcher, &job, went_well);
    dispatcher_enqueue(dispatcher, "a", QUEUE_USER);
    assert_true(dispatcher_take(dispatcher, &job));
    assert_int_equal(job.counted_ms, 1234);
    dispatcher_finish(dispatcher, &job, went_well);
}

/* Takes the next job, which must be NAME's, and leaves DRAFT; true if it might. */
static bool leave(Dispatcher *dispatcher, const char *name, const char *draft)
{
    Job job;

    assert_true(dispatcher_take(dispatcher, &job));
    assert_string_equal(job.tenant, name);
    bool may_leave = job.may_leave;
    job.draft = xstrdup(draft);
    dispatcher_finish(dispatcher, &job, went_well);
    return may_leave;
}

/* Takes the next job, which must be NAME's, for PRIORITY, and have DRAFT. */
static void draft_is(Dispatcher *dispatcher, const char *name, QueuePriority priority,
                     const char *draft)
{
    Job job;

    assert_true(dispatcher_take(dispatcher, &job));
    assert_string_equal(job.tenant, name);
    assert_int_equal(job.priority, priority);
    assert_string_equal(job.draft, draft);
    free(TAKE(job.draft));
    dispatcher_finish(dispatcher, &job, went_well);
}

DISPATCHER_TEST(a_draft_comes_again_when_the_backlog_is_done)
{
    Dispatcher *dispatcher = *state;

    put(dispatcher, "a", 1, true);
    put(dispatcher, "b", 2, true);
    assert_true(leave(dispatcher, "a", "of a"));
    assert_false(leave(dispatcher, "b", "of b")); /* nobody waits behind it */
    draft_is(dispatcher, "a", QUEUE_REPORT, "of a");
    draft_is(dispatcher, "b", QUEUE_REPORT, "of b");
    assert_int_equal(dispatcher_counts(dispatcher).depth, 0);
}

DISPATCHER_TEST(an_edit_need_not_wait_for_the_draft)
{
    Dispatcher *dispatcher = *state;

    put(dispatcher, "a", 1, true);
    put(dispatcher, "b", 2, true);
    put(dispatcher, "c", 3, true);
    (void)leave(dispatcher, "a", "of a");
    put(dispatcher, "a", 4, false);
    draft_is(dispatcher, "a", QUEUE_USER, "of a"); /* for the worker to leave out */
    (void)work_on(dispatcher, "b", went_well);
    (void)work_on(dispatcher, "c", went_well);
    assert_int_equal(dispatcher_counts(dispatcher).depth, 0);
}

DISPATCHER_TEST(an_edit_may_not_leave_its_status_for_later)
{
    Dispatcher *dispatcher = *state;
    Job job;

    put(dispatcher, "a", 1, true);
    put(dispatcher, "b", 2, false);
    assert_true(dispatcher_take(dispatcher, &job));
    assert_string_equal(job.tenant, "b");
    assert_false(job.may_leave);
    dispatcher_finish(dispatcher, &job, went_well);
    (void)work_on(dispatcher, "a", went_well);
}

DISPATCHER_TEST(the_draft_of_a_deleted_tenant_is_forgotten)
{
    Dispatcher *dispatcher = *state;
    DEFER(defer_json) cJSON *object = object_new("a", 2);

    put(dispatcher, "a", 1, true);
    put(dispatcher, "b", 2, true);
    (void)leave(dispatcher, "a", "of a");
    dispatcher_delete(dispatcher, object);
    assert_false(work_on(dispatcher, "a", went_well));
    (void)work_on(dispatcher, "b", went_well);
    assert_int_equal(dispatcher_counts(dispatcher).depth, 0);
}

DISPATCHER_TEST(a_job_comes_again_when_it_asked_for_it)
{
    Dispatcher *dispatcher = *state;

    dispatcher_enqueue(dispatcher, "a", QUEUE_USER);
    int64_t began_ms = clock_ms();
    (void)work_on(dispatcher, "a", (JobEnd){.retry = RETRY_NEVER, .again_ms = 40});
    (void)work_on(dispatcher, "a", went_well);
    assert_in_range(clock_ms() - began_ms, 40, 30000);
}

DISPATCHER_TEST(a_job_that_failed_comes_again_after_a_moment)
{
    static const Retry retries[] = {RETRY_NOW, RETRY_BACKOFF};
    Dispatcher *dispatcher = *state;

    for (size_t i = 0; i < ARRAY_SIZE(retries); i++) {
        dispatcher_enqueue(dispatcher, "a", QUEUE_USER);
        int64_t began_ms = clock_ms();
        (void)work_on(dispatcher, "a", (JobEnd){.retry = retries[i], .again_ms = -1});
        (void)work_on(dispatcher, "a", went_well);
        assert_in_range(clock_ms() - began_ms, 25, 30000);
    }
}

DISPATCHER_TEST(whatever_waits_is_due_when_everything_is_asked_for)
{
    Dispatcher *dispatcher = *state;

    put(dispatcher, "a", 1, false);
    put(dispatcher, "b", 2, false);
    (void)work_on(dispatcher, "a", (JobEnd){.retry = RETRY_SLOWLY, .again_ms = -1});
    (void)work_on(dispatcher, "b", (JobEnd){.retry = RETRY_ON_CHANGE, .again_ms = -1});
    assert_int_equal(dispatcher_counts(dispatcher).depth, 0);
    dispatcher_enqueue_all(dispatcher);
    (void)work_on(dispatcher, "a", went_well);
    (void)work_on(dispatcher, "b", went_well);
}

DISPATCHER_TEST(what_failed_goes_before_what_is_probably_right)
{
    Dispatcher *dispatcher = *state;

    put(dispatcher, "right-1", 1, false);
    put(dispatcher, "failed", 2, false);
    put(dispatcher, "right-2", 3, false);
    (void)work_on(dispatcher, "right-1", went_well);
    (void)work_on(dispatcher, "failed", (JobEnd){.retry = RETRY_SLOWLY, .again_ms = -1});
    (void)work_on(dispatcher, "right-2", went_well);
    dispatcher_enqueue_all(dispatcher);
    dispatcher_enqueue(dispatcher, "right-2", QUEUE_BACKLOG); /* a sweep found it changed */
    (void)work_on(dispatcher, "failed", went_well);
    (void)work_on(dispatcher, "right-2", went_well);
    (void)work_on(dispatcher, "right-1", went_well);
}

DISPATCHER_TEST(a_write_that_failed_is_in_doubt_until_a_job_says_otherwise)
{
    Dispatcher *dispatcher = *state;
    Job job;

    put(dispatcher, "a", 1, false);
    (void)work_on(dispatcher, "a", (JobEnd){.retry = RETRY_BACKOFF, .again_ms = -1, .doubt = true});
    put(dispatcher, "a", 2, false); /* what the watch brings may be older than the write */
    assert_true(dispatcher_take(dispatcher, &job));
    assert_true(job.doubt);
    dispatcher_finish(dispatcher, &job, went_well);
    put(dispatcher, "a", 3, false);
    assert_true(dispatcher_take(dispatcher, &job));
    assert_false(job.doubt);
    dispatcher_finish(dispatcher, &job, went_well);
}

DISPATCHER_TEST(a_server_that_is_back_wakes_only_what_waits)
{
    Dispatcher *dispatcher = *state;

    put(dispatcher, "a", 1, false);
    put(dispatcher, "b", 2, false);
    (void)work_on(dispatcher, "a", (JobEnd){.retry = RETRY_SLOWLY, .again_ms = -1});
    (void)work_on(dispatcher, "b", went_well);
    dispatcher_wake(dispatcher);
    assert_int_equal(dispatcher_counts(dispatcher).depth, 1);
    (void)work_on(dispatcher, "a", went_well);
}

/* Workers, a watch and a sweep at once. */

enum { WORKERS = 4, TENANTS = 8, EDITS = 300 };

static atomic_int in_work[TENANTS]; /* workers on each tenant */
static atomic_int collisions;
static int last_seen[TENANTS]; /* version; written by the one worker that has the tenant */

static void *worker(void *context)
{
    Job job;

    while (dispatcher_take(context, &job)) {
        int at = job.tenant[0] - 'a';
        DEFER(defer_json) cJSON *object = NULL;
        Error error;

        if (atomic_fetch_add(&in_work[at], 1) != 0)
            atomic_fetch_add(&collisions, 1);
        if (job.object != NULL && json_parse(job.object, strlen(job.object), &object, &error) == 0)
            last_seen[at] = (int)json_int(object, "metadata.generation", 0);
        atomic_fetch_sub(&in_work[at], 1);
        dispatcher_finish(context, &job, went_well);
    }
    return NULL;
}

static void *sweeper(void *context)
{
    for (int i = 0; i < EDITS; i++)
        dispatcher_enqueue_all(context);
    return NULL;
}

static void wait_until_idle(Dispatcher *dispatcher)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    for (int i = 0; i < 30000; i++) {
        DispatcherCounts counts = dispatcher_counts(dispatcher);

        if (counts.depth == 0 && counts.active == 0)
            return;
        (void)nanosleep(&moment, NULL);
    }
    fail_msg("the workers did not come to an end");
}

DISPATCHER_TEST(threads_see_the_last_version_of_each_tenant_and_never_two_at_once)
{
    Dispatcher *dispatcher = *state;
    pthread_t threads[WORKERS + 1];

    for (int i = 0; i <= WORKERS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < WORKERS ? worker : sweeper, dispatcher), 0);
    for (int i = 1; i <= EDITS; i++) {
        const char name[] = {(char)('a' + i % TENANTS), '\0'};

        put(dispatcher, name, i, false);
    }
    (void)pthread_join(threads[WORKERS], NULL);
    wait_until_idle(dispatcher);
    dispatcher_stop(dispatcher);
    for (int i = 0; i < WORKERS; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(collisions, 0);
    for (int i = EDITS - TENANTS + 1; i <= EDITS; i++)
        assert_int_equal(last_seen[i % TENANTS], i);
}

DISPATCHER_TEST(a_stop_ends_the_wait_for_a_job)
{
    Job job;

    dispatcher_enqueue(*state, "a", QUEUE_USER);
    dispatcher_stop(*state);
    assert_false(dispatcher_take(*state, &job));
}

#define DISPATCHER_UNIT_TEST(name)                                                                 \
    cmocka_unit_test_setup_teardown(name, dispatcher_setup, dispatcher_teardown)

DISPATCHER_TEST(rest_is_told_once_after_each_burst)
{
    Dispatcher *dispatcher = *state;

    for (int version = 1; version <= 2; version++) {
        put(dispatcher, "a", version, false);
        assert_true(work_on(dispatcher, "a", went_well));
        assert_false(dispatcher_rests(dispatcher)); /* there was work since the last call */
        assert_true(dispatcher_rests(dispatcher));
        assert_false(dispatcher_rests(dispatcher));
    }
}

DISPATCHER_TEST(where_nothing_was_done_there_is_no_rest)
{
    Dispatcher *dispatcher = *state;

    assert_false(dispatcher_rests(dispatcher));
    assert_false(dispatcher_rests(dispatcher));
}

DISPATCHER_TEST(work_that_waits_or_goes_on_is_no_rest)
{
    Dispatcher *dispatcher = *state;
    Job job;

    put(dispatcher, "a", 1, false);
    put(dispatcher, "b", 1, false);
    assert_true(dispatcher_take(dispatcher, &job));
    dispatcher_finish(dispatcher, &job, went_well);
    assert_false(dispatcher_rests(dispatcher));
    assert_false(dispatcher_rests(dispatcher)); /* one is ready */
    assert_true(dispatcher_take(dispatcher, &job));
    assert_false(dispatcher_rests(dispatcher));
    assert_false(dispatcher_rests(dispatcher)); /* one is worked on */
    dispatcher_finish(dispatcher, &job, went_well);
    assert_true(dispatcher_rests(dispatcher));
}

DISPATCHER_TEST(a_retry_that_waits_does_not_disturb_the_rest)
{
    Dispatcher *dispatcher = *state;

    put(dispatcher, "a", 1, false);
    assert_true(work_on(dispatcher, "a", (JobEnd){.retry = RETRY_SLOWLY, .again_ms = -1}));
    assert_false(dispatcher_rests(dispatcher));
    assert_true(dispatcher_rests(dispatcher));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISPATCHER_UNIT_TEST(a_change_becomes_a_job_with_the_object),
        DISPATCHER_UNIT_TEST(a_deletion_becomes_a_job_without_an_object),
        DISPATCHER_UNIT_TEST(edits_overtake_the_first_list),
        DISPATCHER_UNIT_TEST(what_waits_for_a_standby_is_no_backlog),
        DISPATCHER_UNIT_TEST(our_own_write_makes_no_work_and_brings_nothing_back),
        DISPATCHER_UNIT_TEST(the_time_of_the_last_numbers_is_kept_for_the_next_job),
        DISPATCHER_UNIT_TEST(a_draft_comes_again_when_the_backlog_is_done),
        DISPATCHER_UNIT_TEST(an_edit_need_not_wait_for_the_draft),
        DISPATCHER_UNIT_TEST(an_edit_may_not_leave_its_status_for_later),
        DISPATCHER_UNIT_TEST(the_draft_of_a_deleted_tenant_is_forgotten),
        DISPATCHER_UNIT_TEST(a_job_comes_again_when_it_asked_for_it),
        DISPATCHER_UNIT_TEST(a_job_that_failed_comes_again_after_a_moment),
        DISPATCHER_UNIT_TEST(whatever_waits_is_due_when_everything_is_asked_for),
        DISPATCHER_UNIT_TEST(what_failed_goes_before_what_is_probably_right),
        DISPATCHER_UNIT_TEST(a_write_that_failed_is_in_doubt_until_a_job_says_otherwise),
        DISPATCHER_UNIT_TEST(a_server_that_is_back_wakes_only_what_waits),
        DISPATCHER_UNIT_TEST(threads_see_the_last_version_of_each_tenant_and_never_two_at_once),
        DISPATCHER_UNIT_TEST(rest_is_told_once_after_each_burst),
        DISPATCHER_UNIT_TEST(where_nothing_was_done_there_is_no_rest),
        DISPATCHER_UNIT_TEST(work_that_waits_or_goes_on_is_no_rest),
        DISPATCHER_UNIT_TEST(a_retry_that_waits_does_not_disturb_the_rest),
        DISPATCHER_UNIT_TEST(a_stop_ends_the_wait_for_a_job),
    };

    json_init();
    dispatcher_register_metrics();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

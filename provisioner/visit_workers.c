#include "visit_workers.h"

#include <pthread.h>

#include "alloc.h"
#include "backoff.h"
#include "clock.h"
#include "tenant_api.h"
#include "tenant_state.h"

struct VisitWorkers {
    VisitQueue *queue;
    Provisioner *provisioner;
    KubeClient *kube;
    size_t count;
    pthread_t threads[];
};

static void answer(VisitQueue *queue, Visit *visit, HttpAnswer *reply)
{
    visit_queue_done(queue); /* first: the visit is gone once it is answered */
    http_request_answer(visit->request, reply);
}

static void refuse(VisitQueue *queue, Visit *visit, Problem *problem)
{
    HttpAnswer reply = {0};

    visit_answer_problem(visit, problem, &reply);
    answer(queue, visit, &reply);
}

/* OBJECT NULL: there is no Tenant (any more). An event that was overtaken by a deletion makes none
 * either. */
static bool is_final(const Visit *visit, const cJSON *object)
{
    if (object == NULL)
        return visit->step == PROVISION_DELETE || visit->step == PROVISION_ABSENT ||
               visit->step == PROVISION_SUPERSEDED;
    return tenant_report(object).state != TENANT_PENDING;
}

static void answer_state(VisitQueue *queue, Visit *visit, const cJSON *object)
{
    HttpAnswer reply = {0};

    visit_answer_state(visit, object, &reply);
    answer(queue, visit, &reply);
}

static void answer_accepted(VisitQueue *queue, Visit *visit, const cJSON *object)
{
    HttpAnswer reply = {0};

    visit_answer_accepted(visit, object, &reply);
    answer(queue, visit, &reply);
}

/* Answers if there is nothing to wait for, or no time or place to wait. */
static void wait_or_answer(VisitWorkers *pool, Visit *visit, const cJSON *object)
{
    static const Backoff looks = {.first_ms = 25, .last_ms = 500};
    const int64_t left_ms = visit->wait_until_ms - clock_ms();
    const bool waits = visit->wait_until_ms != 0;

    if (waits && is_final(visit, object)) {
        answer_state(pool->queue, visit, object);
        return;
    }
    if (waits && left_ms > 0 &&
        visit_queue_wait(pool->queue, visit,
                         min_i64(left_ms, backoff_delay_ms(&looks, visit->looks++, random_u32()))))
        return;
    if (visit->route == VISIT_STATUS)
        answer_state(pool->queue, visit, object);
    else
        answer_accepted(pool->queue, visit, waits ? object : NULL);
}

/* Only of what events have made: other Tenants are none of the asker's business. */
static bool is_ours(const cJSON *object)
{
    return cJSON_GetObjectItemCaseSensitive(json_at(object, "metadata.annotations"),
                                            PROVISION_ANNOTATION_ACCOUNT) != NULL;
}

static void look(VisitWorkers *pool, Visit *visit)
{
    DEFER(defer_json) cJSON *object = NULL;
    Problem problem = {0};
    TenantApiResult result = tenant_api_get(pool->kube, visit->tenant, &object, &problem);
    const bool there = result == TENANT_API_DONE && is_ours(object);

    if (result == TENANT_API_FAILED) {
        refuse(pool->queue, visit, &problem);
    } else if (visit->route == VISIT_STATUS && !there) {
        problem_fill(&problem, PROBLEM_NO_TENANT, "no event has made a Tenant of this name");
        refuse(pool->queue, visit, &problem);
    } else {
        wait_or_answer(pool, visit, there ? object : NULL);
    }
}

static void handle_event(VisitWorkers *pool, Visit *visit)
{
    DEFER(defer_json) cJSON *object = NULL;
    ProvisionResult result = {0};
    Problem problem = {0};

    if (provisioner_handle(pool->provisioner, &visit->event, &result, &problem) < 0) {
        refuse(pool->queue, visit, &problem);
        return;
    }
    object = result.object;
    visit->step = result.step;
    visit->handled = true;
    if (result.step == PROVISION_DELETE && visit->wait_until_ms != 0)
        look(pool, visit); /* a finalizer may hold it */
    else
        wait_or_answer(pool, visit, object);
}

static void *run(void *context)
{
    VisitWorkers *pool = context;
    Visit *visit = NULL;

    while ((visit = visit_queue_take(pool->queue)) != NULL) {
        if (visit->route == VISIT_EVENT && !visit->handled)
            handle_event(pool, visit);
        else
            look(pool, visit);
    }
    return NULL;
}

VisitWorkers *visit_workers_start(VisitQueue *queue, Provisioner *provisioner, KubeClient *kube,
                                  size_t count)
{
    VisitWorkers *pool = xcalloc(1, sizeof *pool + count * sizeof(pthread_t));

    *pool =
        (VisitWorkers){.queue = queue, .provisioner = provisioner, .kube = kube, .count = count};
    for (size_t i = 0; i < count; i++) {
        int r = pthread_create(&pool->threads[i], NULL, run, pool);

        assert(r == 0);
    }
    return pool;
}

void visit_workers_join(VisitWorkers *workers)
{
    if (workers == NULL)
        return;
    for (size_t i = 0; i < workers->count; i++)
        (void)pthread_join(workers->threads[i], NULL);
    free(workers);
}

#include "applied.h"
#include "plan_templates.h"
#include "provision_plan.h"
#include "unit.h"

static const char manager[] = "bulkhead-provisioner";

static int set_up(void **state)
{
    static const char text[] = "plan: starter\n"
                               "tenant:\n"
                               "  metadata: {labels: {plan: \"${plan}\"}}\n"
                               "  spec: {stream: {maxBytes: \"${data.quota:-1Mi}\"}}\n"
                               "---\n"
                               "plan: big\n"
                               "tenant: {spec: {stream: {maxBytes: 1Gi}}}\n";

    (void)state;
    return templates_set_up(text);
}

static const ProvisionRules suspending = {
    .templates = &templates, .manager = manager, .delete_tenants = false};
static const ProvisionRules deleting = {
    .templates = &templates, .manager = manager, .delete_tenants = true};

static cJSON *json_of(const char *text)
{
    cJSON *json = NULL;
    Error error;

    assert_int_equal(json_parse(text, strlen(text), &json, &error), 0);
    return json;
}

static Event event_of(EventKind kind, const char *id, int64_t time_ms, const char *plan)
{
    Event event = {.kind = kind, .time_ms = time_ms};

    (void)snprintf(event.id, sizeof event.id, "%s", id);
    (void)snprintf(event.account, sizeof event.account, "acme");
    (void)snprintf(event.tenant, sizeof event.tenant, "acme");
    (void)snprintf(event.plan, sizeof event.plan, "%s", plan);
    digest_text(id, strlen(id), event.digest);
    event.root = cJSON_CreateObject();
    return event;
}

/* Plans EVENT against *object and carries it out; the step. */
static ProvisionStep handle(Event event, const ProvisionRules *rules, cJSON **object)
{
    DEFER(provision_plan_done) ProvisionPlan plan = {0};
    Problem problem = {0};

    if (provision_plan(&event, rules, *object, &plan, &problem) < 0)
        fail_msg("%s: %s", problem_name(problem.kind), problem.detail);
    if (plan.step == PROVISION_CREATE || plan.step == PROVISION_APPLY) {
        cJSON *after = applied_object(plan.body, manager, "10");

        cJSON_Delete(*object);
        *object = after;
    }
    event_done(&event);
    return plan.step;
}

static ProblemKind problem_of(Event event, const ProvisionRules *rules, const cJSON *object)
{
    DEFER(provision_plan_done) ProvisionPlan plan = {0};
    Problem problem = {0};

    assert_int_equal(provision_plan(&event, rules, object, &plan, &problem), -1);
    event_done(&event);
    return problem.kind;
}

static const char *annotation_of(const cJSON *object, const char *name)
{
    const cJSON *item =
        cJSON_GetObjectItemCaseSensitive(json_at(object, "metadata.annotations"), name);

    return cJSON_IsString(item) ? item->valuestring : "";
}

TEST(a_new_account_gets_its_plans_template_and_says_whose_it_is)
{
    DEFER(defer_json) cJSON *object = NULL;
    Event event = event_of(EVENT_CREATED, "e1", 1000, "starter");
    DEFER(provision_plan_done) ProvisionPlan plan = {0};
    Problem problem = {0};
    const char *traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    assert_true(trace_context_parse(traceparent, &event.trace));
    assert_int_equal(provision_plan(&event, &suspending, NULL, &plan, &problem), 0);
    assert_int_equal(plan.step, PROVISION_CREATE);
    assert_string_equal(json_text(plan.body, "apiVersion", ""), "bulkhead.dev/v1alpha1");
    assert_string_equal(json_text(plan.body, "kind", ""), "Tenant");
    assert_string_equal(json_text(plan.body, "metadata.name", ""), "acme");
    assert_string_equal(json_text(plan.body, "metadata.labels.plan", ""), "starter");
    assert_string_equal(json_text(plan.body, "spec.stream.maxBytes", ""), "1Mi");
    assert_null(json_at(plan.body, "spec.mode"));
    assert_string_equal(annotation_of(plan.body, PROVISION_ANNOTATION_ACCOUNT), "acme");
    assert_string_equal(annotation_of(plan.body, PROVISION_ANNOTATION_PLAN), "starter");
    assert_string_equal(annotation_of(plan.body, PROVISION_ANNOTATION_EVENT), "e1");
    assert_string_equal(annotation_of(plan.body, PROVISION_ANNOTATION_DIGEST), event.digest);
    assert_string_equal(annotation_of(plan.body, PROVISION_ANNOTATION_TRACE), traceparent);
    /* The version of nothing: it creates, or conflicts with whatever is there. */
    assert_string_equal(json_text(plan.body, "metadata.resourceVersion", ""), "1");
    event_done(&event);
}

TEST(a_change_is_bound_to_the_object_that_was_looked_at)
{
    DEFER(defer_json) cJSON *object = NULL;
    Event event = event_of(EVENT_UPDATED, "e2", 2000, "big");
    DEFER(provision_plan_done) ProvisionPlan plan = {0};
    Problem problem = {0};

    (void)handle(event_of(EVENT_CREATED, "e1", 1000, "starter"), &suspending, &object);
    assert_int_equal(provision_plan(&event, &suspending, object, &plan, &problem), 0);
    assert_int_equal(plan.step, PROVISION_APPLY);
    assert_string_equal(json_text(plan.body, "metadata.uid", ""), "uid-1");
    assert_string_equal(json_text(plan.body, "metadata.resourceVersion", ""), "10");
    event_done(&event);
}

TEST(the_same_event_again_does_nothing)
{
    DEFER(defer_json) cJSON *object = NULL;

    (void)handle(event_of(EVENT_CREATED, "e1", 1000, "starter"), &suspending, &object);
    assert_int_equal(handle(event_of(EVENT_CREATED, "e1", 1000, "starter"), &suspending, &object),
                     PROVISION_DUPLICATE);
    (void)handle(event_of(EVENT_SUSPENDED, "e2", 2000, ""), &suspending, &object);
    /* Also when others came since, and when its sender signed it anew. */
    assert_int_equal(handle(event_of(EVENT_CREATED, "e1", 9000, "starter"), &suspending, &object),
                     PROVISION_DUPLICATE);
    assert_string_equal(json_text(object, "spec.mode", ""), "Suspend");
}

TEST(an_id_is_not_taken_twice)
{
    DEFER(defer_json) cJSON *object = NULL;
    Event other = event_of(EVENT_UPDATED, "e1", 2000, "big");

    (void)handle(event_of(EVENT_CREATED, "e1", 1000, "starter"), &suspending, &object);
    digest_text("other", 5, other.digest);
    assert_int_equal(problem_of(other, &suspending, object), PROBLEM_ID_REUSED);
}

TEST(suspending_and_resuming_leave_the_rest_alone)
{
    DEFER(defer_json) cJSON *object = NULL;

    (void)handle(event_of(EVENT_CREATED, "e1", 1000, "starter"), &suspending, &object);
    assert_int_equal(handle(event_of(EVENT_SUSPENDED, "e2", 2000, ""), &suspending, &object),
                     PROVISION_APPLY);
    assert_string_equal(json_text(object, "spec.mode", ""), "Suspend");
    assert_string_equal(json_text(object, "spec.stream.maxBytes", ""), "1Mi");
    assert_string_equal(json_text(object, "metadata.labels.plan", ""), "starter");
    assert_string_equal(annotation_of(object, PROVISION_ANNOTATION_PLAN), "starter");
    assert_int_equal(handle(event_of(EVENT_RESUMED, "e3", 3000, ""), &suspending, &object),
                     PROVISION_APPLY);
    assert_null(json_at(object, "spec.mode"));
    assert_string_equal(json_text(object, "spec.stream.maxBytes", ""), "1Mi");
}

TEST(what_others_own_is_not_repeated)
{
    DEFER(defer_json) cJSON *object = NULL;

    (void)handle(event_of(EVENT_CREATED, "e1", 1000, "starter"), &suspending, &object);
    json_set_text(cJSON_GetObjectItemCaseSensitive(object, "spec"), "deletionPolicy", "Delete");
    (void)handle(event_of(EVENT_SUSPENDED, "e2", 2000, ""), &suspending, &object);
    assert_null(json_at(object, "spec.deletionPolicy"));
}

TEST(an_update_changes_the_content_and_not_whether_it_is_held)
{
    DEFER(defer_json) cJSON *object = NULL;

    (void)handle(event_of(EVENT_CREATED, "e1", 1000, "starter"), &suspending, &object);
    (void)handle(event_of(EVENT_SUSPENDED, "e2", 2000, ""), &suspending, &object);
    (void)handle(event_of(EVENT_UPDATED, "e3", 3000, "big"), &suspending, &object);
    assert_string_equal(json_text(object, "spec.stream.maxBytes", ""), "1Gi");
    assert_string_equal(json_text(object, "spec.mode", ""), "Suspend");
    assert_string_equal(annotation_of(object, PROVISION_ANNOTATION_PLAN), "big");
}

TEST(an_update_without_a_plan_keeps_it)
{
    DEFER(defer_json) cJSON *object = NULL;

    (void)handle(event_of(EVENT_CREATED, "e1", 1000, "big"), &suspending, &object);
    (void)handle(event_of(EVENT_UPDATED, "e2", 2000, ""), &suspending, &object);
    assert_string_equal(json_text(object, "spec.stream.maxBytes", ""), "1Gi");
}

TEST(late_news_does_not_undo_what_came_after_it)
{
    DEFER(defer_json) cJSON *object = NULL;

    (void)handle(event_of(EVENT_UPDATED, "e2", 2000, "big"), &suspending, &object);
    assert_int_equal(handle(event_of(EVENT_CREATED, "e1", 1000, "starter"), &suspending, &object),
                     PROVISION_APPLY); /* for the record alone */
    assert_string_equal(json_text(object, "spec.stream.maxBytes", ""), "1Gi");
    assert_string_equal(annotation_of(object, PROVISION_ANNOTATION_PLAN), "big");

    (void)handle(event_of(EVENT_SUSPENDED, "e4", 4000, ""), &suspending, &object);
    (void)handle(event_of(EVENT_UPDATED, "e3", 3000, "starter"), &suspending, &object);
    assert_string_equal(json_text(object, "spec.stream.maxBytes", ""), "1Mi");
    assert_string_equal(json_text(object, "spec.mode", ""), "Suspend");
    assert_int_equal(handle(event_of(EVENT_RESUMED, "e5", 3500, ""), &suspending, &object),
                     PROVISION_SUPERSEDED);
    assert_string_equal(json_text(object, "spec.mode", ""), "Suspend");
}

TEST(a_deleted_account_is_suspended_unless_told_to_delete_it)
{
    DEFER(defer_json) cJSON *object = NULL;

    (void)handle(event_of(EVENT_CREATED, "e1", 1000, "starter"), &suspending, &object);
    assert_int_equal(handle(event_of(EVENT_DELETED, "e2", 2000, ""), &suspending, &object),
                     PROVISION_APPLY);
    assert_string_equal(json_text(object, "spec.mode", ""), "Suspend");
    assert_int_equal(handle(event_of(EVENT_DELETED, "e3", 3000, ""), &deleting, &object),
                     PROVISION_DELETE);
    /* A customer who comes back. */
    (void)handle(event_of(EVENT_CREATED, "e4", 4000, "big"), &suspending, &object);
    assert_null(json_at(object, "spec.mode"));
}

TEST(without_a_tenant_there_is_nothing_to_hold_or_to_delete)
{
    cJSON *nothing = NULL;

    assert_int_equal(handle(event_of(EVENT_DELETED, "e1", 1000, ""), &suspending, &nothing),
                     PROVISION_ABSENT);
    assert_int_equal(handle(event_of(EVENT_DELETED, "e1", 1000, ""), &deleting, &nothing),
                     PROVISION_ABSENT);
    assert_int_equal(problem_of(event_of(EVENT_SUSPENDED, "e2", 1, ""), &suspending, NULL),
                     PROBLEM_NO_TENANT);
    assert_int_equal(problem_of(event_of(EVENT_RESUMED, "e3", 1, ""), &suspending, NULL),
                     PROBLEM_NO_TENANT);
}

TEST(a_plan_without_a_template_is_said)
{
    assert_int_equal(problem_of(event_of(EVENT_CREATED, "e1", 1, "gold"), &suspending, NULL),
                     PROBLEM_UNKNOWN_PLAN);
    assert_int_equal(problem_of(event_of(EVENT_CREATED, "e1", 1, ""), &suspending, NULL),
                     PROBLEM_UNKNOWN_PLAN);
}

TEST(a_tenant_of_another_account_is_not_touched)
{
    DEFER(defer_json) cJSON *object = NULL;
    Event other = event_of(EVENT_UPDATED, "e2", 2000, "big");

    (void)handle(event_of(EVENT_CREATED, "e1", 1000, "starter"), &suspending, &object);
    (void)snprintf(other.account, sizeof other.account, "ACME");
    assert_int_equal(problem_of(other, &suspending, object), PROBLEM_OTHER_ACCOUNT);
}

TEST(a_tenant_that_no_event_made_is_never_deleted)
{
    DEFER(defer_json)
    cJSON *object =
        json_of("{\"metadata\":{\"name\":\"acme\",\"uid\":\"u\",\"resourceVersion\":\"5\"},"
                "\"spec\":{}}");

    assert_int_equal(problem_of(event_of(EVENT_DELETED, "e1", 1000, ""), &deleting, object),
                     PROBLEM_OTHER_ACCOUNT);
}

TEST(a_tenant_on_its_way_out_is_waited_for)
{
    DEFER(defer_json) cJSON *object = NULL;
    cJSON *metadata = NULL;

    (void)handle(event_of(EVENT_CREATED, "e1", 1000, "starter"), &suspending, &object);
    metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    json_set_text(metadata, "deletionTimestamp", "2026-11-23T12:00:00Z");
    assert_int_equal(problem_of(event_of(EVENT_CREATED, "e2", 2000, "big"), &deleting, object),
                     PROBLEM_DELETING);
    assert_int_equal(handle(event_of(EVENT_DELETED, "e3", 3000, ""), &deleting, &object),
                     PROVISION_ABSENT);
}

TEST(a_sample_makes_a_tenant_to_check)
{
    DEFER(defer_json) cJSON *body = NULL;
    Problem problem = {0};

    assert_int_equal(provision_sample(template_find(&templates, "starter"), &body, &problem), 0);
    assert_string_equal(json_text(body, "metadata.name", ""), "bulkhead-template-check");
    assert_string_equal(json_text(body, "spec.stream.maxBytes", ""), "1Mi");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_account_gets_its_plans_template_and_says_whose_it_is),
        cmocka_unit_test(a_change_is_bound_to_the_object_that_was_looked_at),
        cmocka_unit_test(the_same_event_again_does_nothing),
        cmocka_unit_test(an_id_is_not_taken_twice),
        cmocka_unit_test(suspending_and_resuming_leave_the_rest_alone),
        cmocka_unit_test(what_others_own_is_not_repeated),
        cmocka_unit_test(an_update_changes_the_content_and_not_whether_it_is_held),
        cmocka_unit_test(an_update_without_a_plan_keeps_it),
        cmocka_unit_test(late_news_does_not_undo_what_came_after_it),
        cmocka_unit_test(a_deleted_account_is_suspended_unless_told_to_delete_it),
        cmocka_unit_test(without_a_tenant_there_is_nothing_to_hold_or_to_delete),
        cmocka_unit_test(a_plan_without_a_template_is_said),
        cmocka_unit_test(a_tenant_of_another_account_is_not_touched),
        cmocka_unit_test(a_tenant_that_no_event_made_is_never_deleted),
        cmocka_unit_test(a_tenant_on_its_way_out_is_waited_for),
        cmocka_unit_test(a_sample_makes_a_tenant_to_check),
    };

    return cmocka_run_group_tests(tests, set_up, templates_tear_down);
}

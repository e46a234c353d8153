/* Plans against any object that an API server, or someone with rights there, could show: history
 * and managedFields are read from it. The first line names the event's kind. */
#include "fuzz_input.h"
#include "provision_plan.h"
#include "yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const ProvisionPlan *plan)
{
    const bool writes = plan->step == PROVISION_CREATE || plan->step == PROVISION_APPLY;

    assert(writes == (plan->body != NULL));
    if (!writes)
        return;
    assert(text_eq(json_text(plan->body, "metadata.name", ""), "acme"));
    assert(json_text(plan->body, "metadata.resourceVersion", NULL) != NULL);
    assert(cJSON_IsObject(json_at(plan->body, "spec")));
    DEFER(defer_free) char *text = json_print(plan->body);
    assert(*text == '{');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char document[] = "{plan: default, tenant: {spec: {a: 1}}}";
    FuzzInput input = {(const char *)data, size};
    DEFER(defer_free) char *kind = fuzz_line(&input);
    DEFER(defer_json) cJSON *object = NULL;
    DEFER(defer_json) cJSON *root = cJSON_CreateObject();
    DEFER(templates_done) Templates templates;
    DEFER(provision_plan_done) ProvisionPlan plan = {0};
    Event event = {.id = "e", .account = "acme", .tenant = "acme", .time_ms = 1000};
    cJSON *documents = NULL;
    Problem problem = {0};
    Error error;

    templates_init(&templates);
    if (yaml_parse(document, strlen(document), &documents, &error) < 0 ||
        templates_add(&templates, documents, &error) < 0)
        abort();
    const ProvisionRules rules = {
        .templates = &templates,
        .manager = "us",
        .delete_tenants = kind != NULL && kind[0] == 'D',
    };
    event.kind = (EventKind)(kind != NULL ? (unsigned char)kind[0] % EVENT_KINDS : 0);
    event.root = root;
    digest_text("e", 1, event.digest);
    if (json_parse(input.at, input.left, &object, &error) < 0)
        return 0;
    if (provision_plan(&event, &rules, object, &plan, &problem) == 0)
        check(&plan);
    else
        assert(problem.detail[0] != '\0');
    return 0;
}

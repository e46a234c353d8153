#include "provisioner.h"

#include <pthread.h>

#include "alloc.h"
#include "api_refusal.h"
#include "clock.h"
#include "file_set.h"
#include "seen_events.h"
#include "tenant_api.h"
#include "yaml.h"

enum { TRIES_MAX = 6 };

struct Provisioner {
    ProvisionerConfig config;
    FileSet *files; /* as last read; of the loading thread alone */

    pthread_rwlock_t templates_lock; /* guards the templates */
    Templates *templates;

    pthread_mutex_t seen_lock; /* guards what was seen */
    SeenEvents seen;
};

static void templates_free(Templates *templates)
{
    if (templates == NULL)
        return;
    templates_done(templates);
    free(templates);
}
DEFINE_DEFER(Templates *, defer_templates, templates_free)

Provisioner *provisioner_new(const ProvisionerConfig *config)
{
    Provisioner *self = xcalloc(1, sizeof *self);

    self->config = *config;
    (void)pthread_rwlock_init(&self->templates_lock, NULL);
    (void)pthread_mutex_init(&self->seen_lock, NULL);
    return self;
}

void provisioner_free(Provisioner *self)
{
    if (self == NULL)
        return;
    templates_free(self->templates);
    file_set_free(self->files);
    (void)pthread_rwlock_destroy(&self->templates_lock);
    (void)pthread_mutex_destroy(&self->seen_lock);
    free(self);
}

static int template_check(Provisioner *self, const Template *template, Error *reterr)
{
    DEFER(problem_done) Problem problem = {0};
    DEFER(defer_json) cJSON *body = NULL;
    DEFER(defer_json) cJSON *object = NULL;

    if (provision_sample(template, &body, &problem) == 0 &&
        tenant_api_apply(self->config.kube, body, true, &object, &problem) == TENANT_API_DONE)
        return 0;
    if (problem.kind == PROBLEM_UNAVAILABLE)
        return error_set(reterr, ERROR_BUSY, "%s", problem.log_note);
    return error_set(reterr, ERROR_INVALID,
                     "--templates: the template of plan '%.64s', filled with its sample: %.300s",
                     template->plan, problem.detail);
}

static int templates_read(const FileSet *files, Templates *templates, Error *reterr)
{
    for (size_t i = 0; i < files->count; i++) {
        const FileSetItem *file = &files->items[i];
        cJSON *documents = NULL;

        if (yaml_parse(file->content.at, file->content.length, &documents, reterr) < 0 ||
            templates_add(templates, documents, reterr) < 0)
            return error_wrap(reterr, "--templates: %s", file->path);
    }
    if (templates->count == 0)
        return error_set(reterr, ERROR_INVALID, "--templates: there is no template in it");
    return 0;
}

int provisioner_load_templates(Provisioner *self, bool *ret_changed, Error *reterr)
{
    DEFER(defer_file_set) FileSet *files = NULL;
    DEFER(defer_templates) Templates *templates = xcalloc(1, sizeof *templates);

    templates_init(templates);
    if (file_set_read(self->config.template_paths, &files, reterr) < 0)
        return error_wrap(reterr, "--templates");
    if (file_set_equal(files, self->files)) {
        *ret_changed = false;
        return 0;
    }
    if (templates_read(files, templates, reterr) < 0)
        return -1;
    for (size_t i = 0; i < templates->count; i++) {
        if (template_check(self, &templates->items[i], reterr) < 0)
            return -1;
    }
    (void)pthread_rwlock_wrlock(&self->templates_lock);
    Templates *old = self->templates;
    self->templates = TAKE(templates);
    (void)pthread_rwlock_unlock(&self->templates_lock);
    templates_free(old);
    file_set_free(self->files);
    self->files = TAKE(files);
    *ret_changed = true;
    return 0;
}

static int check_reuse(Provisioner *self, const Event *event, Problem *retproblem)
{
    (void)pthread_mutex_lock(&self->seen_lock);
    bool reused = seen_other_content(&self->seen, event, clock_wall_ms());
    (void)pthread_mutex_unlock(&self->seen_lock);
    if (!reused)
        return 0;
    return problem_set(retproblem, PROBLEM_ID_REUSED,
                       "an event with this id and another content was handled before");
}

/* Where nothing is left of a Tenant, an earlier event must not bring it back. */
static bool was_deleted_after(Provisioner *self, const Event *event)
{
    (void)pthread_mutex_lock(&self->seen_lock);
    bool deleted = seen_deletion_since(&self->seen, event, clock_wall_ms());
    (void)pthread_mutex_unlock(&self->seen_lock);
    return deleted;
}

static void remember(Provisioner *self, const Event *event, ProvisionStep step)
{
    const bool gone = step == PROVISION_DELETE || step == PROVISION_ABSENT;

    (void)pthread_mutex_lock(&self->seen_lock);
    seen_add(&self->seen, event, gone, clock_wall_ms() + self->config.remember_ms);
    (void)pthread_mutex_unlock(&self->seen_lock);
}

static int plan(Provisioner *self, const Event *event, const cJSON *object, ProvisionPlan *ret_plan,
                Problem *retproblem)
{
    ProvisionRules rules = {
        .manager = kube_client_name(self->config.kube),
        .delete_tenants = self->config.delete_tenants,
    };

    if (object == NULL && was_deleted_after(self, event)) {
        *ret_plan = (ProvisionPlan){.step = PROVISION_SUPERSEDED};
        return 0;
    }
    (void)pthread_rwlock_rdlock(&self->templates_lock);
    rules.templates = self->templates;
    int r = provision_plan(event, &rules, object, ret_plan, retproblem);
    (void)pthread_rwlock_unlock(&self->templates_lock);
    return r;
}

/* *object: as it was looked at; as it is afterwards. */
static TenantApiResult carry_out(Provisioner *self, const ProvisionPlan *plan, cJSON **object,
                                 Problem *retproblem)
{
    cJSON *written = NULL;
    TenantApiResult result = TENANT_API_DONE;

    switch (plan->step) {
    case PROVISION_CREATE:
    case PROVISION_APPLY:
        result = tenant_api_apply(self->config.kube, plan->body, false, &written, retproblem);
        break;
    case PROVISION_DELETE:
        result = tenant_api_delete(self->config.kube, *object, retproblem);
        break;
    case PROVISION_DUPLICATE:
    case PROVISION_SUPERSEDED:
    case PROVISION_ABSENT:
        return TENANT_API_DONE;
    }
    if (result == TENANT_API_DONE) {
        cJSON_Delete(*object);
        *object = written;
    }
    return result == TENANT_API_ABSENT ? TENANT_API_DONE : result;
}

static TenantApiResult look(Provisioner *self, const Event *event, cJSON **object,
                            Problem *retproblem)
{
    cJSON_Delete(*object);
    *object = NULL;
    return tenant_api_get(self->config.kube, event->tenant, object, retproblem);
}

/* One try: look, plan, carry out. */
static TenantApiResult attempt(Provisioner *self, const Event *event, bool must_look,
                               ProvisionResult *result, Problem *retproblem)
{
    DEFER(provision_plan_done) ProvisionPlan next = {0};

    if (must_look && look(self, event, &result->object, retproblem) == TENANT_API_FAILED)
        return TENANT_API_FAILED;
    if (plan(self, event, result->object, &next, retproblem) < 0)
        return TENANT_API_FAILED;
    result->step = next.step;
    return carry_out(self, &next, &result->object, retproblem);
}

int provisioner_handle(Provisioner *self, const Event *event, ProvisionResult *ret_result,
                       Problem *retproblem)
{
    ProvisionResult result = {0};
    TenantApiResult end = TENANT_API_CONFLICT;

    if (check_reuse(self, event, retproblem) < 0)
        return -1;
    for (int tries = 0; tries < TRIES_MAX && end == TENANT_API_CONFLICT; tries++)
        end = attempt(self, event, tries > 0 || !provision_creates(event), &result, retproblem);
    if (end == TENANT_API_DONE) {
        remember(self, event, result.step);
        *ret_result = result;
        return 0;
    }
    if (end == TENANT_API_CONFLICT)
        api_unavailable("the Tenant changed each time before it could be written", retproblem);
    cJSON_Delete(result.object);
    return -1;
}

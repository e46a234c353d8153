#include "lease.h"

#include "alloc.h"
#include "clock.h"
#include "kube_path.h"

enum { LEASE_TIMEOUT_MS = 5000, RENEW_TRIES = 2, RELEASE_TRIES = 3 };

static const KubeResource leases = {
    .group = "coordination.k8s.io",
    .version = "v1",
    .plural = "leases",
    .kind = "Lease",
};

struct Lease {
    LeaseSettings settings;
    LeaseView view;
    cJSON *object; /* as last read or written; NULL: there is none that we know of */
    uint64_t slow_paths;
};

Lease *lease_new(const LeaseSettings *settings)
{
    Lease *self = xcalloc(1, sizeof *self);

    self->settings = *settings;
    return self;
}

void lease_free(Lease *self)
{
    if (self == NULL)
        return;
    cJSON_Delete(self->object);
    free(self);
}

const char *lease_holder(const Lease *self)
{
    return self->view.holder;
}

static int send(Lease *self, const char *method, const cJSON *body, int stop_fd, Error *reterr)
{
    bool create = text_eq(method, "POST");
    const KubeRef ref = {.resource = &leases,
                         .namespace = self->settings.namespace,
                         .name = create ? NULL : self->settings.name};
    DEFER(defer_free) char *path = kube_path(&ref, NULL, NULL, 0);
    DEFER(kube_response_done) KubeResponse response = {0};
    const KubeRequest request = {.method = method,
                                 .path = path,
                                 .body = body,
                                 .timeout_ms = LEASE_TIMEOUT_MS,
                                 .stop_fd = stop_fd,
                                 .urgent = true};

    if (kube_request(self->settings.client, &request, &response, reterr) < 0)
        return error_wrap(reterr, "Lease %s/%s", self->settings.namespace, self->settings.name);
    cJSON_Delete(self->object);
    self->object = TAKE(response.json);
    lease_view_update(&self->view, self->object, clock_ms());
    return 0;
}

static const cJSON *old_spec(const Lease *self)
{
    return json_at(self->object, "spec");
}

/* The whole object with another spec. Its resourceVersion makes the server refuse the write if
 * anybody was faster. */
static cJSON *with_spec(const Lease *self, cJSON *spec)
{
    cJSON *body = self->object != NULL ? cJSON_Duplicate(self->object, true) : cJSON_CreateObject();

    if (self->object == NULL) {
        cJSON *metadata = cJSON_CreateObject();

        json_set_text(metadata, "name", self->settings.name);
        json_set_text(metadata, "namespace", self->settings.namespace);
        json_set_text(body, "apiVersion", "coordination.k8s.io/v1");
        json_set_text(body, "kind", leases.kind);
        json_set(body, "metadata", metadata);
    }
    json_set(body, "spec", spec);
    return body;
}

static int write_move(Lease *self, LeaseMove move, Error *reterr)
{
    char now[CLOCK_TEXT_SIZE];

    clock_rfc3339_micro(clock_wall_ms(), now);
    DEFER(defer_json)
    cJSON *body = with_spec(self, lease_spec(&(LeaseWrite){
                                      .move = move,
                                      .me = self->settings.holder,
                                      .now = now,
                                      .old = old_spec(self),
                                  }));
    return send(self, self->object != NULL ? "PUT" : "POST", body, self->settings.stop_fd, reterr);
}

static int look(Lease *self, int stop_fd, Error *reterr)
{
    Error error;

    if (send(self, "GET", NULL, stop_fd, &error) == 0)
        return 0;
    if (error.kind != ERROR_NOT_FOUND) {
        *reterr = error;
        return -1;
    }
    cJSON_Delete(TAKE(self->object));
    self->view = (LeaseView){0};
    return 0;
}

uint64_t lease_slow_paths(const Lease *self)
{
    return self->slow_paths;
}

/* Somebody wrote or deleted the record, which is no loss while it names us, or nobody at all. */
static bool is_left_to_us(const Lease *self)
{
    return self->object == NULL || text_eq(self->view.holder, self->settings.holder);
}

/* One write. *RET_RACE: somebody was faster, and REASON says so; the record is read by then. */
static int try_move(Lease *self, LeaseMove move, bool *ret_race, Error *reason, Error *reterr)
{
    *ret_race = false;
    if (write_move(self, move, reason) == 0)
        return 0;
    if (reason->kind != ERROR_CONFLICT && reason->kind != ERROR_NOT_FOUND) {
        *reterr = *reason;
        return -1;
    }
    *ret_race = true;
    self->slow_paths += move == LEASE_RENEW ? 1 : 0;
    return look(self, self->settings.stop_fd, reterr);
}

int lease_try(Lease *self, bool *ret_held, int64_t *ret_sent_ms, Error *reterr)
{
    const bool ours = text_eq(self->view.holder, self->settings.holder);
    bool race = true;
    int64_t sent_ms = 0;
    Error reason = {0};

    *ret_held = false;
    if (!ours && look(self, self->settings.stop_fd, reterr) < 0)
        return -1;
    for (int tries = 0; race && tries < RENEW_TRIES; tries++) {
        LeaseMove move = lease_move(&self->view, self->settings.holder, clock_ms());

        if (move == LEASE_WAIT)
            return 0;
        sent_ms = clock_ms();
        if (try_move(self, move, &race, &reason, reterr) < 0)
            return -1;
        if (race && !(ours && is_left_to_us(self)))
            return 0;
    }
    if (race) {
        *reterr = reason;
        return -1;
    }
    *ret_held = true;
    *ret_sent_ms = sent_ms;
    return 0;
}

static int write_released(Lease *self, Error *reterr)
{
    char now[CLOCK_TEXT_SIZE];

    clock_rfc3339_micro(clock_wall_ms(), now);
    DEFER(defer_json) cJSON *body = with_spec(self, lease_spec_released(old_spec(self), now));
    return send(self, "PUT", body, 0, reterr);
}

int lease_release(Lease *self, Error *reterr)
{
    for (int tries = 1; text_eq(self->view.holder, self->settings.holder); tries++) {
        Error error;

        if (write_released(self, &error) == 0)
            return 0;
        /* Somebody changed the record, which is no matter while it names us. */
        if (error.kind != ERROR_CONFLICT || tries == RELEASE_TRIES) {
            *reterr = error;
            return -1;
        }
        if (look(self, 0, reterr) < 0)
            return -1;
    }
    return 0;
}

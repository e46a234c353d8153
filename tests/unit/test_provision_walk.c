/* Deliveries as the world brings them: late, again, in any order. What comes of them is the same.
 */
#include "applied.h"
#include "plan_templates.h"
#include "provision_plan.h"
#include "unit.h"
#include "walk.h"

enum { SEEDS = 3000, EVENTS_MAX = 8, DELIVERIES = 40, PLANS = 3 };

static const char manager[] = "bulkhead-provisioner";
static const char *const plans[PLANS] = {"one", "two", "three"};
static const ProvisionRules rules = {.templates = &templates, .manager = manager};

static int set_up(void **state)
{
    static const char text[] = "{plan: one, tenant: {spec: {size: 1}}}\n---\n"
                               "{plan: two, tenant: {spec: {size: 2, more: x}}}\n---\n"
                               "{plan: three, tenant: {spec: {size: 3}}}\n";

    (void)state;
    return templates_set_up(text);
}

typedef struct World {
    Event events[EVENTS_MAX]; /* in the order in which they happened; the first is a creation */
    bool handled[EVENTS_MAX];
    size_t count;
    cJSON *tenant;
    unsigned version;
} World;

static void world_init(World *world, Walk *walk)
{
    *world = (World){.count = 1 + walk_roll(walk, EVENTS_MAX)};
    for (size_t i = 0; i < world->count; i++) {
        Event *event = &world->events[i];

        event->kind = i == 0 ? EVENT_CREATED : (EventKind)walk_roll(walk, EVENT_KINDS);
        event->time_ms = 1000 + (int64_t)i;
        (void)snprintf(event->id, sizeof event->id, "e%zu", i);
        (void)snprintf(event->account, sizeof event->account, "acme");
        (void)snprintf(event->tenant, sizeof event->tenant, "acme");
        (void)snprintf(event->plan, sizeof event->plan, "%s", plans[walk_roll(walk, PLANS)]);
        digest_text(event->id, strlen(event->id), event->digest);
    }
}

static void world_done(World *world)
{
    cJSON_Delete(world->tenant);
}

static void deliver(World *world, size_t i)
{
    DEFER(provision_plan_done) ProvisionPlan plan = {0};
    Problem problem = {0};
    char version[16];

    if (provision_plan(&world->events[i], &rules, world->tenant, &plan, &problem) < 0) {
        assert_int_equal(problem.kind, PROBLEM_NO_TENANT); /* too early: its sender tries again */
        return;
    }
    world->handled[i] = world->handled[i] || plan.step != PROVISION_ABSENT;
    if (plan.body == NULL)
        return;
    (void)snprintf(version, sizeof version, "%u", ++world->version);
    cJSON *after = applied_object(plan.body, manager, version);
    cJSON_Delete(world->tenant);
    world->tenant = after;
}

/* What the last event that speaks of it says. */
static const char *wanted_plan(const World *world)
{
    const char *plan = NULL;

    for (size_t i = 0; i < world->count; i++) {
        if (world->events[i].kind == EVENT_CREATED || world->events[i].kind == EVENT_UPDATED)
            plan = world->events[i].plan;
    }
    return plan;
}

static bool wanted_held(const World *world)
{
    bool held = false;

    for (size_t i = 0; i < world->count; i++) {
        const EventKind kind = world->events[i].kind;

        if (kind != EVENT_UPDATED)
            held = kind == EVENT_SUSPENDED || kind == EVENT_DELETED;
    }
    return held;
}

static const char *recorded_plan(const World *world)
{
    return cJSON_GetObjectItemCaseSensitive(json_at(world->tenant, "metadata.annotations"),
                                            PROVISION_ANNOTATION_PLAN)
        ->valuestring;
}

static void walk_once(uint32_t seed)
{
    Walk walk = walk_start(seed);
    DEFER(world_done) World world;

    world_init(&world, &walk);
    for (walk.step = 0; walk.step < DELIVERIES; walk.step++)
        deliver(&world, walk_roll(&walk, (uint32_t)world.count));
    for (size_t round = 0; round < 2; round++) { /* senders try until they are heard */
        for (size_t i = 0; i < world.count; i++)
            deliver(&world, i);
    }
    const unsigned version = world.version;
    for (size_t i = 0; i < world.count; i++)
        deliver(&world, i);

    WALK_HOLDS(&walk, world.tenant != NULL);
    WALK_HOLDS(&walk, text_eq(recorded_plan(&world), wanted_plan(&world)));
    WALK_HOLDS(&walk,
               text_eq(plans[json_int(world.tenant, "spec.size", 0) - 1], wanted_plan(&world)));
    WALK_HOLDS(&walk,
               text_eq(json_text(world.tenant, "spec.mode", ""), "Suspend") == wanted_held(&world));
    WALK_HOLDS(&walk,
               (json_at(world.tenant, "spec.more") != NULL) == text_eq(wanted_plan(&world), "two"));
    WALK_HOLDS(&walk, world.version == version); /* what was handled writes nothing */
}

TEST(any_order_of_deliveries_ends_where_the_events_lead)
{
    for (uint32_t seed = 0; seed < SEEDS; seed++)
        walk_once(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_deliveries_ends_where_the_events_lead),
    };

    return cmocka_run_group_tests(tests, set_up, templates_tear_down);
}

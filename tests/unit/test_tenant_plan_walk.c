/* A random walk: any spec after any other, applied step by step as a server would, and cut off
 * anywhere as by a crash. */
#include "tenant_world.h"
#include "text.h"
#include "walk.h"

enum { SEEDS = 300, SPEC_MAX = 2048 };

static const char *const stream_parts[] = {
    "\"maxAge\":\"1h\"",
    "\"maxAge\":\"8760h\"",
    "\"maxBytes\":\"1Gi\"",
    "\"maxMsgs\":1000",
    "\"discard\":\"New\"",
    "\"description\":\"d\"",
    "\"compression\":\"S2\"",
    "\"allowDirect\":true",
    "\"metadata\":{\"team\":\"a\"}",
    "\"duplicateWindow\":\"30s\"",
    "\"storage\":\"Memory\"",
    "\"denyDelete\":true",
    "\"consumerLimits\":{\"maxAckPending\":500}",
    "\"consumerLimits\":{\"maxAckPending\":50}",
};

static const char *const consumer_parts[] = {
    "\"ackWait\":\"1m\"",           "\"maxDeliver\":3",
    "\"backoff\":[\"1s\",\"2s\"]",  "\"eventTypes\":[\"a\"]",
    "\"eventTypes\":[\"b\",\"c\"]", "\"headersOnly\":true",
    "\"maxAckPending\":10",         "\"description\":\"x\"",
    "\"deliverPolicy\":\"New\"",    "\"inactiveThreshold\":\"10m\"",
};

/* Two or fewer of PARTS. */
static void parts_add(Walk *walk, Text *spec, const char *const *parts, size_t count)
{
    size_t first = walk_roll(walk, (uint32_t)count + 1);
    size_t second = first + 1 + walk_roll(walk, 3);

    if (first < count)
        text_addf(spec, "%s%s", spec->at[spec->length - 1] == '{' ? "" : ",", parts[first]);
    /* the same key twice would be another spec than is meant */
    if (second < count && strncmp(parts[first], parts[second], 12) != 0)
        text_addf(spec, ",%s", parts[second]);
}

static void spec_write(Walk *walk, Text *spec)
{
    static const char *const modes[] = {"Enforce", "Suspend"};
    const char *comma = "";

    text_clear(spec);
    text_addf(spec, "{\"mode\":\"%s\",\"stream\":{", modes[walk_roll(walk, 4) == 0]);
    parts_add(walk, spec, stream_parts, ARRAY_SIZE(stream_parts));
    text_add(spec, "},\"consumers\":[");
    for (const char *name = "abc"; *name != '\0'; name++) {
        if (walk_roll(walk, 2) == 0)
            continue;
        text_addf(spec, "%s{\"name\":\"%c\"", comma, *name);
        parts_add(walk, spec, consumer_parts, ARRAY_SIZE(consumer_parts));
        text_add(spec, "}");
        comma = ",";
    }
    text_add(spec, "]}");
    assert_false(spec->full);
}

/* The server takes CONFIG, but a pause only by the request of its own. */
static void consumer_apply(World *world, const Step *step)
{
    cJSON *consumers = world->observed.consumers;
    const char *until = json_text(step->config, "pause_until", NULL);
    cJSON *info = NULL;
    int at = 0;

    cJSON_ArrayForEach (info, consumers) {
        if (text_eq(json_text(info, "name", ""), step->consumer))
            break;
        at++;
    }
    if (step->type == STEP_CONSUMER_PAUSE) {
        cJSON *config = cJSON_GetObjectItem(info, "config");

        cJSON_DeleteItemFromObject(config, "pause_until");
        if (until != NULL)
            json_set_text(config, "pause_until", until);
        return;
    }
    const char *paused = json_text(info, "config.pause_until", NULL);
    cJSON *config = step->config != NULL ? cJSON_Duplicate(step->config, true) : NULL;

    if (step->type == STEP_CONSUMER_UPDATE)
        cJSON_DeleteItemFromObject(config, "pause_until");
    if (step->type == STEP_CONSUMER_UPDATE && paused != NULL)
        json_set_text(config, "pause_until", paused);
    cJSON_DeleteItemFromArray(consumers, at);
    if (config == NULL)
        return;
    cJSON *fresh = cJSON_CreateObject();
    json_set_text(fresh, "name", step->consumer);
    json_set(fresh, "config", config);
    (void)cJSON_AddItemToArray(consumers, fresh);
}

/* What the server would refuse: a consumer above its stream's limit. */
static bool limits_hold(const World *world)
{
    int64_t limit = json_int(world->observed.stream, "config.consumer_limits.max_ack_pending", 0);
    const cJSON *info = NULL;

    cJSON_ArrayForEach (info, world->observed.consumers) {
        if (limit > 0 && json_int(info, "config.max_ack_pending", 0) > limit)
            return false;
    }
    return true;
}

static void step_apply(World *world, const Step *step)
{
    if (step->consumer[0] != '\0') {
        consumer_apply(world, step);
        return;
    }
    if (world->observed.stream == NULL) {
        world->observed.stream = cJSON_CreateObject();
        world->observed.consumers = cJSON_CreateArray();
    }
    json_set(world->observed.stream, "config", cJSON_Duplicate(step->config, true));
}

/* Stops after a random number of steps, as a crash would. */
static void walk_pass(Walk *walk, World *world, bool crash)
{
    DEFER(plan_done) Plan plan = {0};
    Error error;

    if (world_plan(world, &plan, &error) < 0) {
        WALK_HOLDS(walk, error.kind == ERROR_INVALID);
        return;
    }
    size_t last = crash ? walk_roll(walk, (uint32_t)plan.count + 1) : plan.count;
    for (size_t i = 0; i < last; i++) {
        step_apply(world, &plan.steps[i]);
        WALK_HOLDS(walk, limits_hold(world));
    }
}

/* Nothing is left to do, or only a person can. */
static void walk_check(Walk *walk, const World *world)
{
    DEFER(plan_done) Plan plan = {0};
    Error error;

    if (world_plan(world, &plan, &error) == 0)
        WALK_HOLDS(walk, plan.count == 0);
    else
        WALK_HOLDS(walk, strstr(error.text, "cannot be changed in place") != NULL);
}

TEST(one_whole_pass_is_enough_whatever_was_there_and_wherever_one_before_was_cut_off)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        DEFER(text_done) Text spec = TEXT_MAX(SPEC_MAX);
        DEFER(world_done) World world;
        Walk walk = walk_start(seed);

        world_init(&world, "{}");
        for (walk.step = 0; walk.step < 6; walk.step++) {
            spec_write(&walk, &spec);
            world_declare(&world, text_get(&spec));
            walk_pass(&walk, &world, true);
            walk_pass(&walk, &world, false);
            walk_check(&walk, &world);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            one_whole_pass_is_enough_whatever_was_there_and_wherever_one_before_was_cut_off),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cache.h"
#include "kube_path.h"
#include "text.h"
#include "walk.h"

typedef struct Meta {
    const char *name;
    int64_t version;
    int64_t generation;
    const char *uid;
} Meta;

static cJSON *object_new(const Meta *meta)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *metadata = cJSON_CreateObject();
    char version[24];

    (void)snprintf(version, sizeof version, "%" PRId64, meta->version);
    json_set_text(metadata, "name", meta->name);
    json_set_text(metadata, "uid", meta->uid != NULL ? meta->uid : "u1");
    json_set_text(metadata, "resourceVersion", version);
    json_set_int(metadata, "generation", meta->generation);
    json_set(object, "metadata", metadata);
    return object;
}

static CacheChange put(Cache *cache, const Meta *meta)
{
    DEFER(defer_json) cJSON *object = object_new(meta);

    return cache_put(cache, object);
}

static CacheChange store(Cache *cache, const Meta *meta)
{
    DEFER(defer_json) cJSON *object = object_new(meta);

    return cache_store(cache, object);
}

static bool forget(Cache *cache, const Meta *meta)
{
    DEFER(defer_json) cJSON *object = object_new(meta);

    return cache_delete(cache, object);
}

/* The version that is kept of NAME; 0 if it is not known. */
static int64_t version_of(const Cache *cache, const char *name)
{
    DEFER(defer_free) char *text = cache_get(cache, name);
    DEFER(defer_json) cJSON *object = NULL;
    int64_t version = 0;
    Error error;

    if (text == NULL)
        return 0;
    assert_int_equal(json_parse(text, strlen(text), &object, &error), 0);
    assert_string_equal(json_text(object, "metadata.name", ""), name);
    version = strtoll(json_text(object, "metadata.resourceVersion", ""), NULL, 10);
    return version;
}

static int cache_setup(void **state)
{
    *state = cache_new(kube_version_compare);
    return 0;
}

static int cache_teardown(void **state)
{
    cache_free(*state);
    return 0;
}

#define CACHE_TEST(name) static void name(void **state)

CACHE_TEST(what_was_put_is_got)
{
    Cache *cache = *state;

    assert_int_equal(put(cache, &(Meta){.name = "a", .version = 5}), CACHE_CHANGED);
    assert_int_equal(version_of(cache, "a"), 5);
    assert_null(cache_get(cache, "b"));
    assert_int_equal(cache_count(cache), 1);
}

CACHE_TEST(what_is_older_or_the_same_is_ignored)
{
    static const int64_t versions[] = {9, 8, 1, 0};
    Cache *cache = *state;

    (void)put(cache, &(Meta){.name = "a", .version = 9, .generation = 2});
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        const Meta late = {.name = "a", .version = versions[i], .generation = 1};

        assert_int_equal(put(cache, &late), CACHE_STALE);
        assert_int_equal(store(cache, &late), CACHE_STALE);
        assert_int_equal(version_of(cache, "a"), 9);
    }
}

CACHE_TEST(versions_are_compared_as_numbers)
{
    Cache *cache = *state;

    (void)put(cache, &(Meta){.name = "a", .version = 9});
    assert_int_equal(put(cache, &(Meta){.name = "a", .version = 10}), CACHE_QUIET);
    assert_int_equal(version_of(cache, "a"), 10);
}

CACHE_TEST(a_status_is_kept_and_is_no_reason_to_act)
{
    Cache *cache = *state;

    (void)put(cache, &(Meta){.name = "a", .version = 1, .generation = 1});
    assert_int_equal(put(cache, &(Meta){.name = "a", .version = 2, .generation = 1}), CACHE_QUIET);
    assert_int_equal(version_of(cache, "a"), 2);
}

CACHE_TEST(another_spec_or_another_object_is_a_reason_to_act)
{
    Cache *cache = *state;

    (void)put(cache, &(Meta){.name = "a", .version = 1, .generation = 1});
    assert_int_equal(put(cache, &(Meta){.name = "a", .version = 2, .generation = 2}),
                     CACHE_CHANGED);
    assert_int_equal(put(cache, &(Meta){.name = "a", .version = 3, .generation = 2, .uid = "u2"}),
                     CACHE_CHANGED);
}

static cJSON *annotated_new(const Meta *meta, const char *annotation, const char *value)
{
    cJSON *object = object_new(meta);
    cJSON *annotations = cJSON_CreateObject();

    json_set_text(annotations, annotation, value);
    json_set(cJSON_GetObjectItem(object, "metadata"), "annotations", annotations);
    return object;
}

CACHE_TEST(a_deletion_is_a_reason_to_act)
{
    Cache *cache = *state;
    DEFER(defer_json) cJSON *object = object_new(&(Meta){.name = "a", .version = 2});

    (void)put(cache, &(Meta){.name = "a", .version = 1});
    json_set_text(cJSON_GetObjectItem(object, "metadata"), "deletionTimestamp",
                  "2026-01-01T00:00:00Z");
    assert_int_equal(cache_put(cache, object), CACHE_CHANGED);
}

CACHE_TEST(each_annotation_that_asks_for_a_look_is_a_reason_to_act)
{
    static const struct {
        const char *annotation;
        const char *value;
    } cases[] = {
        {"bulkhead.dev/reconcile-at", "1"},
        {"bulkhead.dev/reconcile-at", "2"},
        {"reconcile.fluxcd.io/requestedAt", "2"},
        {"bulkhead.dev/data-loss-seen", "2"},
    };
    Cache *cache = *state;
    Meta meta = {.name = "a", .version = 1};

    (void)put(cache, &meta);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        meta.version++;
        DEFER(defer_json)
        cJSON *object = annotated_new(&meta, cases[i].annotation, cases[i].value);
        assert_int_equal(cache_put(cache, object), CACHE_CHANGED);
    }
}

CACHE_TEST(other_annotations_are_no_reason_to_act)
{
    Cache *cache = *state;
    DEFER(defer_json)
    cJSON *object = annotated_new(&(Meta){.name = "a", .version = 2},
                                  "kubectl.kubernetes.io/last-applied-configuration", "{}");

    (void)put(cache, &(Meta){.name = "a", .version = 1});
    assert_int_equal(cache_put(cache, object), CACHE_QUIET);
}

CACHE_TEST(our_own_write_is_kept_before_the_watch_tells_of_it)
{
    Cache *cache = *state;

    (void)put(cache, &(Meta){.name = "a", .version = 1});
    assert_int_equal(store(cache, &(Meta){.name = "a", .version = 2}), CACHE_QUIET);
    assert_int_equal(version_of(cache, "a"), 2);
    assert_int_equal(put(cache, &(Meta){.name = "a", .version = 2}), CACHE_STALE);
}

CACHE_TEST(an_edit_that_our_own_write_brings_back_is_a_reason_to_act)
{
    Cache *cache = *state;

    (void)put(cache, &(Meta){.name = "a", .version = 1, .generation = 1});
    assert_int_equal(store(cache, &(Meta){.name = "a", .version = 3, .generation = 2}),
                     CACHE_CHANGED);
}

CACHE_TEST(our_own_write_brings_nothing_back_that_is_gone)
{
    Cache *cache = *state;

    (void)put(cache, &(Meta){.name = "a", .version = 1});
    assert_true(forget(cache, &(Meta){.name = "a", .version = 3}));
    assert_int_equal(store(cache, &(Meta){.name = "a", .version = 2}), CACHE_STALE);
    assert_int_equal(cache_count(cache), 0);
}

CACHE_TEST(a_deletion_forgets_unless_the_name_was_taken_again)
{
    Cache *cache = *state;

    (void)put(cache, &(Meta){.name = "a", .version = 7, .uid = "u2"});
    assert_false(forget(cache, &(Meta){.name = "a", .version = 6}));
    assert_int_equal(version_of(cache, "a"), 7);
    assert_true(forget(cache, &(Meta){.name = "a", .version = 7}));
    assert_false(forget(cache, &(Meta){.name = "a", .version = 8}));
    assert_null(cache_get(cache, "a"));
}

CACHE_TEST(a_note_stays_with_its_object)
{
    Cache *cache = *state;

    assert_null(cache_note(cache, "a"));
    (void)put(cache, &(Meta){.name = "a", .version = 1});
    assert_int_equal(cache_note(cache, "a")->counted_ms, 0);
    cache_note(cache, "a")->counted_ms = 42;
    (void)put(cache, &(Meta){.name = "a", .version = 2});
    assert_int_equal(cache_note(cache, "a")->counted_ms, 42);
    assert_true(forget(cache, &(Meta){.name = "a", .version = 3}));
    assert_null(cache_note(cache, "a"));
    (void)put(cache, &(Meta){.name = "a", .version = 4});
    assert_int_equal(cache_note(cache, "a")->counted_ms, 0);
}

static void name_add(void *context, const char *name)
{
    Text *text = context;

    text_addf(text, "%s ", name);
}

CACHE_TEST(what_a_whole_list_leaves_out_is_gone)
{
    Cache *cache = *state;
    DEFER(text_done) Text gone = TEXT_MAX(64);
    DEFER(text_done) Text left = TEXT_MAX(64);

    (void)put(cache, &(Meta){.name = "a", .version = 1});
    (void)put(cache, &(Meta){.name = "b", .version = 2});
    (void)put(cache, &(Meta){.name = "c", .version = 3});
    cache_sync_begin(cache);
    (void)put(cache, &(Meta){.name = "a", .version = 1});
    (void)put(cache, &(Meta){.name = "c", .version = 4});
    cache_sync_end(cache, name_add, &gone);
    cache_each(cache, name_add, &left);
    assert_string_equal(text_get(&gone), "b ");
    assert_string_equal(text_get(&left), "a c ");
}

CACHE_TEST(our_own_write_during_a_list_does_not_hide_a_deletion)
{
    Cache *cache = *state;
    DEFER(text_done) Text gone = TEXT_MAX(64);

    (void)put(cache, &(Meta){.name = "a", .version = 1});
    cache_sync_begin(cache);
    (void)store(cache, &(Meta){.name = "a", .version = 2});
    cache_sync_end(cache, name_add, &gone);
    assert_string_equal(text_get(&gone), "a ");
    assert_int_equal(cache_count(cache), 0);
}

/* The walk: an API server that changes objects, the news of it on their way in order, and answers
 * to our own writes that come late. */

enum { NAMES = 3, NEWS_MAX = 64, SEEDS = 300, STEPS = 200 };

static const char *const names[NAMES] = {"a", "b", "c"};

typedef struct News {
    int name;
    int64_t version;
    bool deleted;
} News;

typedef struct World {
    Walk walk;
    Cache *cache;
    int64_t version;
    int64_t live[NAMES]; /* version of each object; 0: there is none */
    News news[NEWS_MAX]; /* on their way from the watch */
    size_t news_count;
    News answers[NEWS_MAX]; /* on their way to our own writes */
    size_t answer_count;
    int64_t known[NAMES]; /* what the cache had when it was last looked at */
} World;

static void world_write(World *world, bool own)
{
    int name = (int)walk_roll(&world->walk, NAMES);
    bool deleted = !own && world->live[name] > 0 && walk_roll(&world->walk, 3) == 0;
    News news = {.name = name, .version = ++world->version, .deleted = deleted};

    if (world->news_count == NEWS_MAX || world->answer_count == NEWS_MAX ||
        (own && world->live[name] == 0))
        return;
    world->live[name] = deleted ? 0 : news.version;
    world->news[world->news_count++] = news;
    if (own)
        world->answers[world->answer_count++] = news;
}

static void world_deliver(World *world)
{
    if (world->news_count == 0)
        return;
    const News *news = &world->news[0];
    const Meta meta = {.name = names[news->name], .version = news->version};

    if (news->deleted && forget(world->cache, &meta))
        world->known[news->name] = 0;
    if (!news->deleted)
        (void)put(world->cache, &meta);
    memmove(world->news, world->news + 1, --world->news_count * sizeof *world->news);
}

static void world_answer(World *world)
{
    if (world->answer_count == 0)
        return;
    size_t at = walk_roll(&world->walk, (uint32_t)world->answer_count);
    const Meta meta = {.name = names[world->answers[at].name],
                       .version = world->answers[at].version};

    (void)store(world->cache, &meta);
    world->answers[at] = world->answers[--world->answer_count];
}

static void name_gone(void *context, const char *name)
{
    World *world = context;

    world->known[name[0] - 'a'] = 0;
}

/* The watch broke off: what was on its way is lost, and a whole list follows, between which the
 * answers to our writes still come in. */
static void world_list(World *world)
{
    world->news_count = 0;
    cache_sync_begin(world->cache);
    for (int i = 0; i < NAMES; i++) {
        if (walk_roll(&world->walk, 2) == 0)
            world_answer(world);
        if (world->live[i] > 0)
            (void)put(world->cache, &(Meta){.name = names[i], .version = world->live[i]});
    }
    cache_sync_end(world->cache, name_gone, world);
}

static void world_check(World *world)
{
    for (int i = 0; i < NAMES; i++) {
        int64_t version = version_of(world->cache, names[i]);

        WALK_HOLDS(&world->walk, version >= world->known[i]); /* never back in time */
        WALK_HOLDS(&world->walk, version <= world->version);
        world->known[i] = version;
    }
}

static void world_check_end(World *world)
{
    while (world->news_count > 0)
        world_deliver(world);
    while (world->answer_count > 0)
        world_answer(world);
    for (int i = 0; i < NAMES; i++)
        WALK_HOLDS(&world->walk, version_of(world->cache, names[i]) == world->live[i]);
}

TEST(however_late_the_news_the_cache_never_goes_back_and_ends_right)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        World world = {.walk = walk_start(seed), .cache = cache_new(kube_version_compare)};

        for (world.walk.step = 0; world.walk.step < STEPS; world.walk.step++) {
            uint32_t roll = walk_roll(&world.walk, 100);

            if (roll < 40)
                world_write(&world, roll < 15);
            else if (roll < 75)
                world_deliver(&world);
            else if (roll < 98)
                world_answer(&world);
            else
                world_list(&world);
            world_check(&world);
        }
        world_check_end(&world);
        cache_free(world.cache);
    }
}

#define CACHE_UNIT_TEST(name) cmocka_unit_test_setup_teardown(name, cache_setup, cache_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CACHE_UNIT_TEST(what_was_put_is_got),
        CACHE_UNIT_TEST(what_is_older_or_the_same_is_ignored),
        CACHE_UNIT_TEST(versions_are_compared_as_numbers),
        CACHE_UNIT_TEST(a_status_is_kept_and_is_no_reason_to_act),
        CACHE_UNIT_TEST(another_spec_or_another_object_is_a_reason_to_act),
        CACHE_UNIT_TEST(a_deletion_is_a_reason_to_act),
        CACHE_UNIT_TEST(each_annotation_that_asks_for_a_look_is_a_reason_to_act),
        CACHE_UNIT_TEST(other_annotations_are_no_reason_to_act),
        CACHE_UNIT_TEST(our_own_write_is_kept_before_the_watch_tells_of_it),
        CACHE_UNIT_TEST(an_edit_that_our_own_write_brings_back_is_a_reason_to_act),
        CACHE_UNIT_TEST(our_own_write_brings_nothing_back_that_is_gone),
        CACHE_UNIT_TEST(a_deletion_forgets_unless_the_name_was_taken_again),
        CACHE_UNIT_TEST(a_note_stays_with_its_object),
        CACHE_UNIT_TEST(what_a_whole_list_leaves_out_is_gone),
        CACHE_UNIT_TEST(our_own_write_during_a_list_does_not_hide_a_deletion),
        cmocka_unit_test(however_late_the_news_the_cache_never_goes_back_and_ends_right),
    };

    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Several relays on one database and one stream, all of which break whenever they like: the events
 * of a key are first stored in the order of their ids, and nothing is marked that is not stored. */
#include "flight_rows.h"
#include "walk.h"

enum { RELAYS = 3, ROWS = 60, KEYS = 4, SENT_MAX = 4096, STEPS = 4000, SEEDS = 4000, SLOTS = 16 };

typedef enum RowState { ROW_PENDING, ROW_MARKED, ROW_DEAD } RowState;

enum { NOBODY = -1 };

typedef struct ModelRow {
    RowState state;
    int64_t attempts;
    int locked_by;
    bool stored; /* in the stream, so that another copy is dropped */
    bool bad;    /* the stream refuses it for good */
} ModelRow;

typedef struct Sent {
    uint32_t token;
    int64_t id;
    bool orphan; /* nobody waits for the answer */
} Sent;

typedef struct ModelRelay {
    Lanes *lanes;
    Lane *lane;
    Flight *flight;
    bool in_batch;
    bool in_transaction; /* as far as the relay knows */
    bool broken;         /* ... and the server knows better */
    Sent sent[SENT_MAX]; /* the connection: what was written and has not arrived */
    size_t sent_first;
    size_t sent_count;
    int64_t marks[SLOTS]; /* what a settlement that is under way writes */
    size_t mark_count;
    int64_t retries[SLOTS];
    size_t retry_count;
    int64_t deaths[SLOTS];
    size_t death_count;
    bool settling;
} ModelRelay;

typedef struct Model {
    Walk walk;
    int64_t now_us;
    int lane_holder;
    ModelRow rows[ROWS + 1]; /* by id; 0 is none */
    ModelRelay relays[RELAYS];
} Model;

static uint64_t key_of(int64_t id)
{
    return (uint64_t)(id % KEYS) + 1;
}

static int number_of(const Model *model, const ModelRelay *relay)
{
    return (int)(relay - model->relays);
}

static void relay_new(ModelRelay *relay)
{
    relay->lanes = lanes_new(BATCH, 1 << 20);
    relay->lane = open_lane(relay->lanes, "acme");
    relay->flight = flight_new(SLOTS, 1000);
    relay->in_batch = relay->in_transaction = relay->broken = relay->settling = false;
}

static void relay_free(ModelRelay *relay)
{
    flight_free(relay->flight);
    lanes_free(relay->lanes);
}

/* ---- the database */

static void unlock_all(Model *model, const ModelRelay *relay)
{
    int number = number_of(model, relay);

    for (int64_t id = 1; id <= ROWS; id++) {
        if (model->rows[id].locked_by == number)
            model->rows[id].locked_by = NOBODY;
    }
    if (model->lane_holder == number)
        model->lane_holder = NOBODY;
}

/* FOR UPDATE SKIP LOCKED */
static bool lock_row(Model *model, const ModelRelay *relay, int64_t id)
{
    ModelRow *row = &model->rows[id];
    int number = number_of(model, relay);

    if (row->state != ROW_PENDING || (row->locked_by != NOBODY && row->locked_by != number))
        return false;
    row->locked_by = number;
    return true;
}

static bool is_blocked(const Model *model, int64_t id)
{
    for (int64_t before = id - KEYS; before > 0; before -= KEYS) {
        if (model->rows[before].state == ROW_PENDING && model->rows[before].attempts > 0)
            return true;
    }
    return false;
}

/* ---- the stream */

static void store(Model *model, int64_t id)
{
    if (model->rows[id].stored)
        return; /* by its message id */
    for (int64_t before = id - KEYS; before > 0; before -= KEYS)
        WALK_HOLDS(&model->walk,
                   model->rows[before].stored || model->rows[before].state == ROW_DEAD);
    model->rows[id].stored = true;
}

/* What the stream says to the oldest message on the connection; false: nothing came. */
static bool arrive(Model *model, ModelRelay *relay, Sent *ret_sent, const Ack **ret_ack)
{
    if (relay->sent_count == 0)
        return false;
    *ret_sent = relay->sent[relay->sent_first];
    relay->sent_first = (relay->sent_first + 1) % SENT_MAX;
    relay->sent_count--;
    *ret_ack = &stored;
    if (model->rows[ret_sent->id].bad)
        *ret_ack = &too_large;
    else if (walk_roll(&model->walk, 8) == 0)
        *ret_ack = walk_roll(&model->walk, 2) == 0 ? &full : &unknown;
    else
        store(model, ret_sent->id);
    return !ret_sent->orphan && walk_roll(&model->walk, 10) != 0;
}

/* ---- a relay */

static void publish_all(Model *model, ModelRelay *relay)
{
    size_t slot;
    uint32_t id;

    while (flight_next(relay->flight, &slot, &id)) {
        size_t at = (relay->sent_first + relay->sent_count++) % SENT_MAX;

        assert_true(relay->sent_count < SENT_MAX);
        relay->sent[at] = (Sent){flight_token(relay->flight, slot), id, false};
        flight_published(relay->flight, slot, model->now_us);
    }
}

static void fetch(Model *model, ModelRelay *relay)
{
    size_t most = 1 + walk_roll(&model->walk, 6);

    if (model->lane_holder != NOBODY || relay->lane->in_flight > 0)
        return;
    if (relay->lane->state == LANE_PAUSED)
        relay->lane->state = LANE_PROBING;
    model->lane_holder = number_of(model, relay);
    relay->in_transaction = relay->in_batch = true;
    relay->broken = false;
    flight_begin(relay->flight);
    most = relay->lane->state == LANE_PROBING ? 1 : most;
    for (int64_t id = 1; id <= ROWS && most > 0 && flight_room(relay->flight) > 0; id++) {
        if (is_blocked(model, id) || !lock_row(model, relay, id))
            continue;
        (void)add(relay->flight, relay->lane, id, key_of(id));
        most--;
    }
    publish_all(model, relay);
}

static void receive(Model *model, ModelRelay *relay)
{
    Sent sent;
    const Ack *ack;

    if (!arrive(model, relay, &sent, &ack))
        return;
    (void)flight_answer(relay->flight, sent.token, ack, model->now_us, 0);
    if (relay->in_batch)
        publish_all(model, relay);
}

static void learn_that_it_broke(ModelRelay *relay)
{
    relay->in_transaction = relay->broken = relay->settling = false;
    flight_disown(relay->flight);
}

static void add_ids(Model *model, ModelRelay *relay, int64_t *list, size_t *count, int64_t id)
{
    if (lock_row(model, relay, id))
        list[(*count)++] = id;
}

/* The statements of a settlement: they lock their rows, the COMMIT comes later. */
static void settle(Model *model, ModelRelay *relay)
{
    if (relay->in_batch)
        flight_end(relay->flight);
    relay->in_batch = false;
    const Settlement *settlement = flight_settle(relay->flight);
    relay->mark_count = relay->retry_count = relay->death_count = 0;
    if (relay->broken) {
        learn_that_it_broke(relay);
        return;
    }
    for (size_t i = 0; i < settlement->stored.count; i++)
        add_ids(model, relay, relay->marks, &relay->mark_count, settlement->stored.at[i]);
    for (size_t i = 0; i < settlement->late.count; i++)
        add_ids(model, relay, relay->marks, &relay->mark_count, settlement->late.at[i]);
    for (size_t i = 0; i < settlement->retry.count; i++)
        add_ids(model, relay, relay->retries, &relay->retry_count, settlement->retry.at[i].id);
    for (size_t i = 0; i < settlement->bury.count; i++)
        add_ids(model, relay, relay->deaths, &relay->death_count, settlement->bury.at[i].id);
    relay->settling = true;
}

static void commit(Model *model, ModelRelay *relay)
{
    for (size_t i = 0; i < relay->mark_count; i++) {
        WALK_HOLDS(&model->walk, model->rows[relay->marks[i]].stored);
        model->rows[relay->marks[i]].state = ROW_MARKED;
    }
    for (size_t i = 0; i < relay->retry_count; i++)
        model->rows[relay->retries[i]].attempts++;
    for (size_t i = 0; i < relay->death_count; i++)
        model->rows[relay->deaths[i]].state = ROW_DEAD;
    unlock_all(model, relay);
    relay->settling = relay->in_transaction = false;
}

/* PostgreSQL ends the session. A relay that stands still notices when it settles. */
static void break_session(Model *model, ModelRelay *relay)
{
    unlock_all(model, relay);
    relay->settling = false;
    relay->broken = true;
    if (walk_roll(&model->walk, 2) == 0)
        return;
    if (relay->in_batch)
        flight_end(relay->flight);
    relay->in_batch = false;
    learn_that_it_broke(relay);
}

/* What was written may still arrive; no answer will. */
static void break_stream(ModelRelay *relay)
{
    for (size_t i = 0; i < relay->sent_count; i++)
        relay->sent[(relay->sent_first + i) % SENT_MAX].orphan = true;
    flight_lost(relay->flight);
    relay->in_batch = false;
}

static void crash(Model *model, ModelRelay *relay)
{
    break_stream(relay);
    unlock_all(model, relay);
    relay_free(relay);
    relay_new(relay);
}

static void misfortune(Model *model, ModelRelay *relay)
{
    switch (walk_roll(&model->walk, 4)) {
    case 0:
        crash(model, relay);
        break;
    case 1:
        break_stream(relay);
        break;
    case 2:
        model->now_us += INT64_C(6) * 1000 * 1000;
        (void)flight_expire(relay->flight, model->now_us, 0, "silence");
        break;
    default:
        break_session(model, relay);
    }
}

static void step(Model *model, ModelRelay *relay)
{
    model->now_us += walk_roll(&model->walk, 1000);
    if (walk_roll(&model->walk, 25) == 0)
        misfortune(model, relay);
    else if (relay->settling)
        commit(model, relay);
    else if (walk_roll(&model->walk, 3) != 0)
        receive(model, relay);
    else if (relay->in_batch || relay->in_transaction || flight_in_flight(relay->flight) > 0)
        settle(model, relay);
    else
        fetch(model, relay);
}

static bool all_is_done(const Model *model)
{
    for (int64_t id = 1; id <= ROWS; id++) {
        if (model->rows[id].state == ROW_PENDING)
            return false;
    }
    return true;
}

static bool walk_one(uint32_t seed)
{
    static Model model;

    memset(&model, 0, sizeof model);
    model.walk = walk_start(seed);
    model.now_us = NOW_US;
    model.lane_holder = NOBODY;
    for (int64_t id = 1; id <= ROWS; id++)
        model.rows[id] = (ModelRow){.locked_by = NOBODY, .bad = walk_roll(&model.walk, 20) == 0};
    for (size_t i = 0; i < RELAYS; i++)
        relay_new(&model.relays[i]);
    for (model.walk.step = 0; model.walk.step < STEPS && !all_is_done(&model); model.walk.step++)
        step(&model, &model.relays[walk_roll(&model.walk, RELAYS)]);
    for (size_t i = 0; i < RELAYS; i++)
        relay_free(&model.relays[i]);
    return all_is_done(&model);
}

TEST(keys_keep_their_order_whatever_breaks)
{
    size_t done = 0;

    for (uint32_t seed = 1; seed <= SEEDS; seed++)
        done += walk_one(seed) ? 1 : 0;
    assert_true(done > SEEDS / 2); /* the walks get somewhere */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_keep_their_order_whatever_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

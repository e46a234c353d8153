#include "lanes.h"

#include "alloc.h"
#include "backoff.h"
#include "map.h"

enum {
    WINDOW_MIN = 16,
    WINDOW_STEP = 64,
    ROW_BYTES_FIRST = 512, /* a guess, until rows were seen */
    SWEEP_MS = 500,        /* rows of long transactions appear below the floor: look now and then */
    ASK_AGAIN_MS = 30 * 1000,
    ASK_WAIT_MS = 1000, /* no answer: go on with the last one, ask again if there was none */
    TAKEN_MS = 2,
    TAKEN_DOUBLINGS = 4,
    OTHERS_MS = 1000, /* whoever has the other tenants may be stuck: look at them now and then */
    IDLE_MS = 10 * 60 * 1000,
    CROWDED_IDLE_MS = 1000,
    DEFICIT_ROUNDS = 2,
    DEBT_MAX = 4 * 1024 * 1024,
    LIMITED_MS = 5,
};

#define NEVER_MS (INT64_MIN / 2)

static const Backoff pause_backoff = {.first_ms = 150, .last_ms = 5000};

/* A lane and its place in all[]. */
typedef struct LaneNode {
    Lane lane;
    size_t at;
} LaneNode;

struct Lanes {
    Map *by_tenant;
    LaneNode **all;
    size_t count;
    size_t capacity;
    size_t cursor; /* the next round begins here */
    size_t sweep;  /* ... and the search for idle ones here */
    int64_t batch_rows;
    int64_t batch_bytes;
    size_t part; /* of parts */
    size_t parts;
    int64_t others_ms; /* when the tenants of the other parts were looked at */
    bool denied;       /* questions about streams are not answered */
};

Lanes *lanes_new(int64_t batch_rows, int64_t batch_bytes)
{
    Lanes *lanes = xcalloc(1, sizeof *lanes);

    assert(batch_rows > 0 && batch_bytes > 0);
    lanes->by_tenant = map_new();
    lanes->batch_rows = batch_rows;
    lanes->batch_bytes = batch_bytes;
    lanes->parts = 1;
    return lanes;
}

void lanes_share(Lanes *lanes, size_t part, size_t parts)
{
    assert(part < parts && lanes->count == 0);
    lanes->part = part;
    lanes->parts = parts;
}

void lanes_free(Lanes *lanes)
{
    if (lanes == NULL)
        return;
    map_free(lanes->by_tenant);
    for (size_t i = 0; i < lanes->count; i++)
        free(lanes->all[i]);
    free(lanes->all);
    free(lanes);
}

Lane *lanes_find(const Lanes *lanes, const char *tenant)
{
    LaneNode *node = map_get(lanes->by_tenant, tenant);

    return node != NULL ? &node->lane : NULL;
}

size_t lanes_count(const Lanes *lanes)
{
    return lanes->count;
}

Lane *lanes_at(const Lanes *lanes, size_t i)
{
    assert(i < lanes->count);
    return &lanes->all[i]->lane;
}

static size_t part_of(const Lanes *lanes, const char *tenant)
{
    uint32_t hash = UINT32_C(2166136261);

    for (const char *c = tenant; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * UINT32_C(16777619);
    return (hash >> 8) % lanes->parts;
}

static LaneNode *node_new(Lanes *lanes, const char *tenant)
{
    LaneNode *node = xcalloc(1, sizeof *node);
    Lane *lane = &node->lane;

    (void)snprintf(lane->tenant, sizeof lane->tenant, "%s", tenant);
    stream_name(tenant, lane->stream);
    lane->own = part_of(lanes, tenant) == lanes->part;
    lane->settings = relay_settings_default();
    lane->row_bytes = ROW_BYTES_FIRST;
    lane->window = lanes->batch_rows;
    lane->window_max = lanes->batch_rows;
    if (lanes->count == lanes->capacity) {
        lanes->capacity = lanes->capacity > 0 ? lanes->capacity * 2 : 64;
        lanes->all = xrealloc(lanes->all, lanes->capacity * sizeof(LaneNode *));
    }
    node->at = lanes->count;
    lanes->all[lanes->count++] = node;
    map_add(lanes->by_tenant, tenant, node);
    return node;
}

Lane *lanes_meet(Lanes *lanes, const char *tenant, bool ready, bool due, int64_t now_ms)
{
    LaneNode *node = map_get(lanes->by_tenant, tenant);

    assert(tenant_id_valid(tenant));
    if (node == NULL && lanes->count == LANES_MAX)
        return NULL;
    if (node == NULL)
        node = node_new(lanes, tenant);
    Lane *lane = &node->lane;
    if (!lane->active) {
        lane->floor = 0;
        if (lane->state == LANE_OPEN && now_ms - lane->asked_ms >= ASK_AGAIN_MS)
            lane->state = LANE_NEW; /* what it may do now is old news */
    }
    lane->active = lane->active || ready || due;
    lane->due = lane->due || due;
    lane->seen_ms = now_ms;
    return lane;
}

size_t lanes_active(const Lanes *lanes, const char **ret_names, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < lanes->count && count < max; i++) {
        const Lane *lane = &lanes->all[i]->lane;

        if (lane->active)
            ret_names[count++] = lane->tenant;
    }
    return count;
}

static bool should_ask(const Lane *lane, int64_t now_ms)
{
    if (!lane->active)
        return false;
    if (lane->state == LANE_ASKING)
        return !lane->known && !lane->silent && now_ms - lane->asked_ms >= ASK_WAIT_MS;
    if (lane->state == LANE_NEW)
        return true;
    if (lane->state == LANE_PAUSED && lane->cause == FAILURE_NO_STREAM)
        return now_ms >= lane->resume_ms;
    return now_ms - lane->asked_ms >= ASK_AGAIN_MS;
}

/* Where rows have failed, one goes ahead of the others. */
static LaneState after_answer(const Lane *lane)
{
    return lane->failures > 0 ? LANE_PROBING : LANE_OPEN;
}

void lanes_set_denied(Lanes *lanes, bool denied)
{
    lanes->denied = denied;
}

/* A lane that waits for its stream asks for it instead of trying a row. */
Lane *lanes_to_ask(Lanes *lanes, int64_t now_ms)
{
    for (size_t i = 0; i < lanes->count; i++) {
        Lane *lane = &lanes->all[(lanes->cursor + i) % lanes->count]->lane;

        if (!should_ask(lane, now_ms))
            continue;
        lane->silent = lane->silent || (lanes->denied && !lane->known);
        if (lane->state == LANE_NEW || lane->state == LANE_PAUSED || lane->state == LANE_ASKING)
            lane->state = lane->silent ? after_answer(lane) : LANE_ASKING;
        lane->asked_ms = now_ms;
        lane->unanswered++;
        return lane;
    }
    return NULL;
}

/* May rows of it be taken now? A pause that is over counts. */
static bool is_open(const Lane *lane, int64_t now_ms)
{
    if (!lane->active || lane->in_flight > 0)
        return false;
    switch (lane->state) {
    case LANE_ASKING:
        return lane->known && now_ms - lane->asked_ms >= ASK_WAIT_MS;
    case LANE_PAUSED:
        return lane->cause != FAILURE_NO_STREAM && now_ms >= lane->resume_ms;
    case LANE_OPEN:
    case LANE_PROBING:
        return now_ms >= lane->resume_ms;
    case LANE_NEW:
    case LANE_HELD:
        break;
    }
    return false;
}

/* The bytes that a weight of one may send in this round, so that the lanes together fill ROWS
 * rows, but no more than the batch's bytes. */
static double bytes_per_weight(const Lanes *lanes, const RoundPlan *plan, int64_t rows)
{
    double weights = 0;
    double rows_per_byte = 0;

    for (size_t i = 0; i < plan->count; i++) {
        const Lane *lane = plan->entries[i].lane;

        weights += (double)lane->settings.weight;
        rows_per_byte += (double)lane->settings.weight / (double)lane->row_bytes;
    }
    /* A row each is left over, so that rounding up costs nobody a turn. */
    double by_rows = (double)(rows - min_i64((int64_t)plan->count, rows / 2)) / rows_per_byte;
    double by_bytes = (double)lanes->batch_bytes / weights;
    return by_rows < by_bytes ? by_rows : by_bytes;
}

static int64_t grant(const Lanes *lanes, Lane *lane, double per_weight)
{
    int64_t share = (int64_t)(per_weight * (double)lane->settings.weight) + 1;
    int64_t most = DEFICIT_ROUNDS * max_i64(share, lane->row_bytes);

    if (lane->failures > 0)
        return 1; /* a probe */
    lane->deficit = min_i64(lane->deficit + share, most);
    int64_t rows = max_i64(lane->deficit / lane->row_bytes, 0);
    return min_i64(min_i64(rows, lane->window), lanes->batch_rows);
}

static void open_for_round(Lane *lane)
{
    lane->silent = lane->silent || lane->state == LANE_ASKING;
    if (lane->state == LANE_PAUSED || lane->state == LANE_ASKING)
        lane->state = after_answer(lane);
}

/* Where the order of keys counts there is no floor: rows below it that waited for an earlier row of
 * their key, perhaps one that another relay failed on, would be overtaken by rows above it. */
static int64_t floor_for_round(Lane *lane, int64_t now_ms)
{
    if (lane->settings.ordering == RELAY_ORDERING_KEY)
        return 0;
    if (lane->floor == 0 || now_ms - lane->swept_ms >= SWEEP_MS) {
        lane->floor = 0;
        lane->swept_ms = now_ms;
    }
    return lane->floor;
}

/* The open lanes from the cursor on, of all or of the own ones. How far it looked. */
static size_t collect(const Lanes *lanes, bool all, int64_t now_ms, RoundPlan *ret_plan)
{
    size_t looked = 0;

    ret_plan->count = 0;
    for (; looked < lanes->count && ret_plan->count < LANES_A_ROUND; looked++) {
        Lane *lane = &lanes->all[(lanes->cursor + looked) % lanes->count]->lane;

        if ((all || lane->own) && is_open(lane, now_ms))
            ret_plan->entries[ret_plan->count++] = (LanePlan){.lane = lane};
    }
    return looked;
}

/* The own lanes; the others' too when none of them is open, and now and then. */
static void choose(Lanes *lanes, int64_t now_ms, RoundPlan *ret_plan)
{
    bool all = now_ms - lanes->others_ms >= OTHERS_MS;
    size_t looked = collect(lanes, all, now_ms, ret_plan);

    if (!all && ret_plan->count == 0) {
        all = true;
        looked = collect(lanes, all, now_ms, ret_plan);
    }
    if (all)
        lanes->others_ms = now_ms;
    if (lanes->count > 0)
        lanes->cursor = (lanes->cursor + (looked == lanes->count ? 1 : looked)) % lanes->count;
}

void lanes_plan(Lanes *lanes, int64_t room, int64_t now_ms, RoundPlan *ret_plan)
{
    int64_t rows = min_i64(room, lanes->batch_rows);
    size_t kept = 0;

    ret_plan->count = 0;
    if (rows > 0)
        choose(lanes, now_ms, ret_plan);
    if (ret_plan->count == 0)
        return;
    double per_weight = bytes_per_weight(lanes, ret_plan, rows);
    for (size_t i = 0; i < ret_plan->count; i++) {
        Lane *lane = ret_plan->entries[i].lane;
        int64_t granted = min_i64(grant(lanes, lane, per_weight), rows);

        if (granted == 0)
            continue; /* its share grows until it is worth a row */
        open_for_round(lane);
        rows -= granted;
        ret_plan->entries[kept++] = (LanePlan){lane, floor_for_round(lane, now_ms), granted};
    }
    ret_plan->count = kept;
}

bool lanes_ready(const Lanes *lanes, int64_t now_ms, int64_t limit_ms, int64_t *ret_wait_ms)
{
    int64_t wait = limit_ms;

    for (size_t i = 0; i < lanes->count; i++) {
        const Lane *lane = &lanes->all[i]->lane;

        if (is_open(lane, now_ms) || (lane->active && lane->state == LANE_NEW))
            return true;
        if (lane->active && lane->resume_ms > now_ms)
            wait = min_i64(wait, lane->resume_ms - now_ms);
    }
    *ret_wait_ms = wait;
    return false;
}

/* Fewer rows than asked for: there are no more, unless the floor hid some. A search finds the lane
 * again when there are. */
static void drained(const LanePlan *plan, const LaneHarvest *harvest, int64_t now_ms)
{
    Lane *lane = plan->lane;

    lane->floor = 0;
    if (harvest->limited)
        lane->resume_ms =
            now_ms + max_i64(1000 / max_i64(lane->settings.events_per_second, 1), LIMITED_MS);
    if (plan->floor > 0)
        return;
    lane->active = lane->due;
    lane->deficit = 0;
}

void lane_fetched(const LanePlan *plan, const LaneHarvest *harvest, int64_t now_ms)
{
    Lane *lane = plan->lane;
    int64_t rows = harvest->ready + harvest->due;

    lane->seen_ms = now_ms;
    lane->taken = 0;
    lane->due = lane->due && harvest->due == plan->rows;
    if (rows > 0) {
        lane->deficit = max_i64(lane->deficit - harvest->bytes, -DEBT_MAX);
        lane->row_bytes = max_i64((lane->row_bytes * 3 + harvest->bytes / rows) / 4, 1);
    }
    if (harvest->ready < plan->rows)
        drained(plan, harvest, now_ms);
    else
        lane->floor = max_i64(lane->floor, harvest->last);
    if (rows == 0 && lane->state == LANE_PROBING)
        lane->state = LANE_PAUSED; /* nothing there to try it with */
}

void lane_taken(Lane *lane, int64_t now_ms)
{
    lane->resume_ms = now_ms + (TAKEN_MS << lane->taken);
    lane->taken += lane->taken < TAKEN_DOUBLINGS ? 1 : 0;
    if (lane->state == LANE_PROBING)
        lane->state = LANE_PAUSED;
}

void lane_keep_row(Lane *lane, int64_t id)
{
    lane->active = true;
    lane->floor = min_i64(lane->floor, id - 1);
}

void lanes_forget_floors(Lanes *lanes)
{
    for (size_t i = 0; i < lanes_count(lanes); i++)
        lanes_at(lanes, i)->floor = 0;
}

void lane_stored(Lane *lane)
{
    if (lane->state == LANE_PROBING) {
        lane->state = LANE_OPEN;
        lane->failures = 0;
        lane->why[0] = '\0';
    }
    if (lane->in_flight == 0)
        lane->window = min_i64(lane->window + WINDOW_STEP, lane->window_max);
}

bool lane_pause(Lane *lane, FailureCause cause, const char *why, int64_t now_ms, uint32_t random)
{
    bool fresh = lane->failures == 0 || lane->cause != cause;

    if (lane->state == LANE_PAUSED || lane->state == LANE_HELD)
        return false; /* one of many rows that failed together */
    lane->resume_ms = now_ms + backoff_delay_ms(&pause_backoff, lane->failures, random);
    lane->failures++;
    lane->state = LANE_PAUSED;
    lane->cause = cause;
    lane->window = max_i64(lane->window / 2, WINDOW_MIN);
    (void)snprintf(lane->why, sizeof lane->why, "%s", why);
    return fresh;
}

void lane_wake(Lane *lane)
{
    bool going = lane->active && lane->state == LANE_OPEN;

    if (!going && lane->state != LANE_HELD && lane->state != LANE_ASKING)
        lane->state = LANE_NEW;
    lane->failures = 0;
    lane->resume_ms = 0;
    lane->asked_ms = NEVER_MS;
}

void lane_configure(Lane *lane, const RelaySettings *settings)
{
    lane->settings = *settings;
    lane->known = true;
    lane->unanswered = 0;
    lane->silent = false;
    if (settings->hold)
        lane->state = LANE_HELD;
    else if (lane->state == LANE_HELD)
        lane->state = LANE_OPEN;
    else if (lane->state == LANE_ASKING)
        lane->state = after_answer(lane);
}

static void forget(Lanes *lanes, LaneNode *node)
{
    LaneNode *last = lanes->all[--lanes->count];

    lanes->all[node->at] = last;
    last->at = node->at;
    (void)map_remove(lanes->by_tenant, node->lane.tenant);
    free(node);
}

void lanes_forget_idle(Lanes *lanes, int64_t now_ms)
{
    enum { A_CALL = 64 };
    int64_t idle_ms = lanes->count > LANES_MAX / 2 ? CROWDED_IDLE_MS : IDLE_MS;

    for (size_t i = 0; i < A_CALL && lanes->count > 0; i++) {
        LaneNode *node = lanes->all[lanes->sweep++ % lanes->count];
        const Lane *lane = &node->lane;

        if (!lane->active && lane->in_flight == 0 && now_ms - lane->seen_ms >= idle_ms)
            forget(lanes, node);
    }
}

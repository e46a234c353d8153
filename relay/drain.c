#include "drain.h"

#include "alloc.h"
#include "clock.h"
#include "event.h"
#include "log.h"
#include "relay_metrics.h"
#include "stop.h"

enum {
    BATCH_BYTES = 4 * 1024 * 1024,
    ASKS_A_TURN = 16,
    MANY_ANSWERS = 8,
    RUN_MIN = 64, /* rows: shorter runs cost more than they save (ADR-0017) */
    DISCOVER_BUSY_US = 5 * 1000,
    DISCOVER_SHARE = 10, /* of the time, at most, is for looking who else has rows */
    TIDY_BUSY_US = 1000 * 1000,
    AWAY_WAIT_MS = 100,
    FINISH_US = 1000 * 1000,
    STRANGERS_MAX = 16,
};

struct Drain {
    Outbox *outbox;
    Sink *sink;
    Lanes *lanes;
    Flight *flight;
    Message message;
    RoundPlan plan;
    KnownTenants known;
    Fetched fetched;
    uint64_t epoch; /* of the connection that rows in flight were sent over */
    bool lost;      /* ... which broke while we published */
    int64_t poll_us;
    int64_t idle_us; /* the next wait, growing while nothing is found */
    int64_t discovered_us;
    int64_t discover_took_us;
    int64_t tidied_us;
    Notes notes;
    Tally tally;
    char *strangers[STRANGERS_MAX]; /* values of tenant_id that are none */
    size_t stranger_count;
};

int drain_new(const DrainSettings *settings, Drain **ret_drain, Error *reterr)
{
    DEFER(defer_outbox) Outbox *outbox = NULL;
    DEFER(defer_sink) Sink *sink = NULL;

    if (outbox_new(&settings->outbox, &settings->waiter, &outbox, reterr) < 0 ||
        sink_new(&settings->sink, &sink, reterr) < 0)
        return -1;
    Drain *self = xcalloc(1, sizeof *self);
    self->outbox = TAKE(outbox);
    self->sink = TAKE(sink);
    self->lanes = lanes_new(settings->batch, BATCH_BYTES);
    lanes_share(self->lanes, settings->worker, settings->workers);
    /* Room for batches whose streams do not answer, beside those that go on. */
    self->flight = flight_new(FLIGHT_SLOTS_MAX, settings->max_attempts);
    message_init(&self->message);
    self->poll_us = settings->poll_ms * 1000;
    self->idle_us = 1000;
    *ret_drain = self;
    return 0;
}

static void strangers_clear(Drain *self)
{
    for (size_t i = 0; i < self->stranger_count; i++)
        free(self->strangers[i]);
    self->stranger_count = 0;
}

void drain_free(Drain *self)
{
    if (self == NULL)
        return;
    strangers_clear(self);
    outbox_free(self->outbox);
    sink_free(self->sink);
    flight_free(self->flight);
    lanes_free(self->lanes);
    message_done(&self->message);
    free(self);
}

int drain_open(Drain *self, Error *reterr)
{
    flight_disown(self->flight);
    lanes_forget_floors(self->lanes);
    return outbox_open(self->outbox, reterr);
}

bool drain_is_open(Drain *self)
{
    return outbox_is_open(self->outbox);
}

bool drain_has_nats(Drain *self, char ret_why[ERROR_TEXT_MAX])
{
    ret_why[0] = '\0';
    if (sink_ready(self->sink))
        return true;
    sink_complaint(self->sink, ret_why);
    return false;
}

/* Waits for the first event, then takes all that are there. True if there was one. */
static bool listen_for(Drain *self, int64_t wait_us)
{
    SinkEvent event;
    bool any = false;

    while (sink_next(self->sink, any ? 0 : wait_us, &event)) {
        event_apply(&event, self->lanes, self->flight, &self->notes, &self->tally);
        any = true;
    }
    return any;
}

/* After it, every row in flight was sent over the connection that we have. */
static bool nats_is_whole(Drain *self)
{
    bool ready = sink_ready(self->sink);
    uint64_t epoch = sink_epoch(self->sink);

    if (!ready || epoch != self->epoch || self->lost)
        flight_lost(self->flight);
    self->epoch = epoch;
    self->lost = false;
    return ready;
}

static void ask_streams(Drain *self)
{
    if (sink_is_denied(self->sink))
        lanes_set_denied(self->lanes, true);
    for (size_t i = 0; i < ASKS_A_TURN; i++) {
        Lane *lane = lanes_to_ask(self->lanes, clock_ms());

        if (lane == NULL)
            return;
        if (!lane->known)
            event_unanswered(lane, &self->notes);
        sink_ask(self->sink, lane->tenant, lane->stream);
    }
}

static void found(void *context, const char *tenant, bool ready, bool due)
{
    Drain *self = context;

    if (tenant_id_valid(tenant))
        (void)lanes_meet(self->lanes, tenant, ready, due, clock_ms());
    else if (self->stranger_count < STRANGERS_MAX)
        self->strangers[self->stranger_count++] = xstrdup(tenant);
}

static int discover(Drain *self, Error *reterr)
{
    const Finder finder = {.found = found, .context = self};
    int64_t began_us = clock_us();

    strangers_clear(self);
    self->known.count = lanes_active(self->lanes, self->known.names, DISCOVER_MAX);
    int r = outbox_discover(self->outbox, &self->known, &finder, reterr);
    self->discovered_us = clock_us();
    self->discover_took_us = self->discovered_us - began_us;
    return r;
}

static bool discover_is_due(const Drain *self)
{
    return clock_us() - self->discovered_us >=
           max_i64(DISCOVER_BUSY_US, self->discover_took_us * (DISCOVER_SHARE - 1));
}

static uint64_t key_hash(const Row *row)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    if (row->ordering_key.at == NULL)
        return 0;
    for (size_t i = 0; i < row->ordering_key.length; i++)
        hash = (hash ^ (unsigned char)row->ordering_key.at[i]) * UINT64_C(1099511628211);
    return hash != 0 ? hash : 1;
}

static void add_row(Drain *self, Lane *lane, size_t index)
{
    const Row *row = &self->fetched.rows[index];
    bool ordered = lane->settings.ordering == RELAY_ORDERING_KEY;

    bool too_many = flight_room(self->flight) == 0;
    bool too_large = row->payload.at == NULL && row->payload_size >= 0;

    if (too_many || too_large) {
        lane_keep_row(lane, row->id); /* its turn comes with a later batch */
        return;
    }
    (void)flight_add(self->flight, &(FlightRow){
                                       .lane = lane,
                                       .id = row->id,
                                       .attempts = row->attempts,
                                       .age_us = row->age_us,
                                       .key = ordered ? key_hash(row) : 0,
                                       .index = (uint32_t)index,
                                   });
}

/* What the fetch brought for each lane of the plan. */
static void account(Drain *self, size_t entry, size_t *at)
{
    const LanePlan *plan = &self->plan.entries[entry];
    const Fetched *fetched = &self->fetched;

    assert(fetched->taken != NULL && fetched->limited != NULL);
    LaneHarvest harvest = {.limited = fetched->limited[entry]};

    for (; *at < fetched->row_count && fetched->plan_of[*at] == entry; (*at)++) {
        const Row *row = &fetched->rows[*at];

        harvest.bytes += (int64_t)(row->payload.length + row->headers.length);
        if (row->attempts > 0) {
            harvest.due++;
        } else {
            harvest.ready++;
            harvest.last = row->id;
        }
    }
    if (fetched->taken[entry])
        lane_taken(plan->lane, clock_ms());
    else
        lane_fetched(plan, &harvest, clock_ms());
}

static void build_batch(Drain *self)
{
    size_t at = 0;

    flight_begin(self->flight);
    for (size_t entry = 0; entry < self->plan.count; entry++) {
        size_t first = at;

        account(self, entry, &at);
        for (size_t i = first; i < at; i++)
            add_row(self, self->plan.entries[entry].lane, i);
    }
    assert(at == self->fetched.row_count);
}

/* Into self->message; false if the row is to blame. */
static bool build(Drain *self, size_t slot, const Row *row)
{
    FailureCause cause;
    Error error;

    if (message_build(&self->message, row, sink_max_payload(self->sink), &cause, &error) == 0)
        return true;
    flight_refuse(self->flight, slot, cause, error.text);
    return false;
}

/* When the connection is gone nothing more is sent in this batch. */
static void publish_one(Drain *self, size_t slot, const Row *row)
{
    Error ignored;

    if (!build(self, slot, row))
        return;
    self->lost =
        sink_publish(self->sink, &self->message, flight_token(self->flight, slot), &ignored) < 0;
    if (self->lost)
        flight_unsent(self->flight, slot);
    else
        flight_published(self->flight, slot, clock_us());
}

/* BEFORE: the slot of the run's last message, or SLOT_NONE. */
static void publish_in_run(Drain *self, SinkRun *run, size_t slot, size_t *before)
{
    Error ignored;

    if (run->sent == 0)
        run->token = flight_token(self->flight, slot);
    self->lost = sink_publish_run(self->sink, &self->message, run, &ignored) < 0;
    if (self->lost) {
        flight_unsent(self->flight, slot);
        return;
    }
    flight_published(self->flight, slot, clock_us());
    if (*before != SLOT_NONE)
        flight_join(self->flight, *before, slot);
    *before = slot;
}

/* LENGTH rows, of which the first is INDEX in SLOT. */
static void publish_run(Drain *self, size_t slot, uint32_t index, size_t length)
{
    SinkRun run = {.rows = length};
    size_t before = SLOT_NONE;
    bool more = true;
    Error ignored;

    while (more && !self->lost) {
        if (build(self, slot, &self->fetched.rows[index]))
            publish_in_run(self, &run, slot, &before);
        more = --length > 0 && !self->lost && flight_next(self->flight, &slot, &index);
    }
    if (run.sent > 0 && !self->lost)
        self->lost = sink_end_run(self->sink, self->message.subject, &run, &ignored) < 0;
}

static void publish_ready(Drain *self)
{
    size_t slot;
    uint32_t index;
    bool any = false;

    while (!self->lost && flight_next(self->flight, &slot, &index)) {
        size_t length = flight_run(self->flight, slot);

        any = true;
        if (length >= RUN_MIN)
            publish_run(self, slot, index, length);
        else
            publish_one(self, slot, &self->fetched.rows[index]);
    }
    if (any && !self->lost)
        sink_flush(self->sink);
}

/* Waits for the batch's answers; rows behind others of their key go out as those are stored. */
static void await_answers(Drain *self)
{
    int64_t wait_us;

    while (!self->lost && flight_waits(self->flight, clock_us(), &wait_us)) {
        /* Many are due: let some come together, since each wake-up costs more than an answer. */
        if (flight_in_flight(self->flight) > MANY_ANSWERS)
            (void)stop_wait_ms(1);
        if (!listen_for(self, wait_us) && !sink_ready(self->sink))
            self->lost = true;
        publish_ready(self);
    }
}

/* The sizes of the batch's failures, for the metrics. */
static void count_settlement(const Settlement *settlement)
{
    if (settlement->retry.count > 0)
        metric_add(&metric_retried, (double)settlement->retry.count);
    for (size_t i = 0; i < settlement->bury.count; i++) {
        const FlightFailure *failure = &settlement->bury.at[i];

        log_warn("a row went to outbox_dead", KV("id", failure->id), KV("reason", failure->why));
        metric_add(&metric_buried, 1, failure_word(failure->cause));
    }
}

static bool is_empty(const Settlement *settlement)
{
    return settlement->stored.count == 0 && settlement->late.count == 0 &&
           settlement->retry.count == 0 && settlement->bury.count == 0;
}

/* Settles, and fetches what the plan says. */
static int exchange(Drain *self, Error *reterr)
{
    const Settlement *settlement = flight_settle(self->flight);

    self->fetched = (Fetched){0};
    if (is_empty(settlement) && !outbox_in_transaction(self->outbox) && self->plan.count == 0)
        return 0;
    if (outbox_exchange(self->outbox, settlement, &self->plan, &self->fetched, reterr) < 0)
        return -1;
    count_settlement(settlement);
    return 0;
}

static int settle_only(Drain *self, Error *reterr)
{
    self->plan.count = 0;
    return exchange(self, reterr);
}

/* Small things that need no batch: rows of no tenant, and words for those who look at the rows. */
static int tidy(Drain *self, Error *reterr)
{
    for (size_t i = 0; i < self->stranger_count; i++) {
        int64_t buried = 0;

        if (outbox_bury_tenant(self->outbox, self->strangers[i], &buried, reterr) < 0)
            return -1;
        metric_add(&metric_buried, (double)buried, failure_word(FAILURE_MALFORMED));
        log_warn("rows went to outbox_dead: tenant_id is not a tenant id", KV("rows", buried));
    }
    strangers_clear(self);
    self->tidied_us = clock_us();
    for (size_t i = 0; i < self->notes.count; i++) {
        if (outbox_note(self->outbox, self->notes.at[i].tenant, self->notes.at[i].why, reterr) < 0)
            return -1;
    }
    self->notes.count = 0;
    return 0;
}

static bool should_tidy(const Drain *self)
{
    return self->stranger_count + self->notes.count > 0 &&
           clock_us() - self->tidied_us >= TIDY_BUSY_US;
}

/* Nothing was fetched: end the transaction, look around, and sleep if there is no reason not to. */
static int idle(Drain *self, Error *reterr)
{
    int64_t wait_ms = 0;

    if (settle_only(self, reterr) < 0 || discover(self, reterr) < 0 || tidy(self, reterr) < 0)
        return -1;
    ask_streams(self);
    if (lanes_ready(self->lanes, clock_ms(), self->idle_us / 1000 + 1, &wait_ms))
        return 0;
    (void)listen_for(self, min_i64(self->idle_us, wait_ms * 1000));
    self->idle_us = min_i64(self->idle_us * 2, self->poll_us);
    return 0;
}

/* NATS is away: write down what is known, hold no lock, and wait. */
static int wait_for_nats(Drain *self, Error *reterr)
{
    if (settle_only(self, reterr) < 0)
        return -1;
    self->discovered_us = 0;
    (void)stop_wait_ms(AWAY_WAIT_MS);
    return 0;
}

static int run_batch(Drain *self, Error *reterr)
{
    int r = 0;

    metric_observe(&metric_batch_rows, (double)self->fetched.row_count);
    self->idle_us = 1000;
    build_batch(self);
    publish_ready(self);
    /* While the answers are on their way, who else has rows? */
    if (discover_is_due(self))
        r = discover(self, reterr);
    if (r == 0)
        await_answers(self);
    flight_end(self->flight);
    return r;
}

int drain_turn(Drain *self, Error *reterr)
{
    char complaint[ERROR_TEXT_MAX];
    bool ready = nats_is_whole(self);

    if (ready)
        (void)listen_for(self, 0);
    sink_complaint(self->sink, complaint);
    event_time(self->flight, complaint);
    event_count(&self->tally);
    if (!ready)
        return wait_for_nats(self, reterr);
    lanes_forget_idle(self->lanes, clock_ms());
    ask_streams(self);
    if (should_tidy(self) && (settle_only(self, reterr) < 0 || tidy(self, reterr) < 0))
        return -1;
    lanes_plan(self->lanes, (int64_t)flight_room(self->flight), clock_ms(), &self->plan);
    if (self->plan.count == 0)
        return idle(self, reterr);
    if (exchange(self, reterr) < 0)
        return -1;
    if (self->fetched.row_count > 0)
        return run_batch(self, reterr);
    build_batch(self);
    return idle(self, reterr);
}

int drain_finish(Drain *self, Error *reterr)
{
    int64_t until = clock_us() + FINISH_US;

    while (nats_is_whole(self) && flight_in_flight(self->flight) > 0 && clock_us() < until)
        (void)listen_for(self, until - clock_us());
    event_count(&self->tally);
    if (!outbox_is_open(self->outbox))
        return 0;
    return settle_only(self, reterr);
}

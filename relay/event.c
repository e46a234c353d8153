#include "event.h"

#include "clock.h"
#include "log.h"
#include "relay_metrics.h"

/* A tenant begins to wait: once in the log, once beside its first row, unless that was tried and
 * carries the reason already (NOTES is NULL). */
static void tell_paused(Lane *lane, Notes *notes)
{
    lane->announced = true;
    log_warn("a tenant's rows wait", KV("tenant", lane->tenant), KV("reason", lane->why));
    metric_set(&metric_lane_paused, 1, lane->tenant);
    if (notes == NULL || notes->count == NOTES_MAX)
        return;
    Note *note = &notes->at[notes->count++];
    (void)snprintf(note->tenant, sizeof note->tenant, "%s", lane->tenant);
    (void)snprintf(note->why, sizeof note->why, "%s", lane->why);
}

static void tell_resumed(Lane *lane)
{
    lane->announced = false;
    log_info("a tenant's rows flow again", KV("tenant", lane->tenant));
    metric_set(&metric_lane_paused, 0, lane->tenant);
}

void event_unanswered(Lane *lane, Notes *notes)
{
    enum { TOLD_AFTER = 3 };

    if (lane->announced || lane->unanswered <= TOLD_AFTER)
        return;
    (void)snprintf(lane->why, sizeof lane->why, "JetStream says nothing about %s; asking again",
                   lane->stream);
    tell_paused(lane, notes);
}

void event_count(Tally *tally)
{
    for (size_t i = 0; i < tally->count; i++) {
        Lane *lane = tally->counted[i];

        metric_add(&metric_published, (double)lane->uncounted, lane->tenant);
        lane->uncounted = 0;
    }
    tally->count = 0;
    metric_observe_tally(&metric_ack_seconds, &tally->ack_seconds);
    metric_observe_tally(&metric_end_to_end_seconds, &tally->end_to_end_seconds);
}

static void tally_stored(Tally *tally, const Answered *answered)
{
    if (answered->lane->uncounted++ == 0) {
        tally->counted[tally->count++] = answered->lane;
        if (tally->count == COUNTED_MAX)
            event_count(tally);
    }
    metric_tally(&tally->ack_seconds, &metric_ack_seconds, (double)answered->wait_us / 1e6);
    metric_tally(&tally->end_to_end_seconds, &metric_end_to_end_seconds,
                 (double)answered->age_us / 1e6);
}

static void on_stored(const Answered *answered, bool duplicate, Tally *tally)
{
    if (answered->lane->announced && answered->lane->state == LANE_OPEN)
        tell_resumed(answered->lane);
    tally_stored(tally, answered);
    if (duplicate)
        metric_add(&metric_duplicates, 1);
}

static void on_answer(const SinkEvent *event, Flight *flight, Tally *tally)
{
    const char *stream = flight_stream(flight, event->token);
    int64_t now_us = clock_us();
    Ack ack;

    if (stream == NULL) {
        metric_add(&metric_unexpected_acks, 1);
        return;
    }
    if (event->no_responders)
        ack_no_responders(stream, &ack);
    else
        ack_parse(event->answer.at, event->answer.length, stream, &ack);
    Answered answered =
        flight_answer(flight, event->token, &ack, now_us, ack.stored ? 0 : random_u32());

    if (ack.stored) {
        on_stored(&answered, ack.duplicate, tally);
        return;
    }
    if (answered.paused)
        tell_paused(answered.lane, NULL);
    metric_add(&metric_publish_errors, 1, failure_word(ack.cause));
}

/* What is not stored goes one by one the next time, where the answer says why; so do the lane's
 * other rows, until its stream was asked for again. A run that broke off has answers to spare. */
static void on_run_answer(const SinkEvent *event, Flight *flight, Tally *tally)
{
    const char *stream = flight_stream(flight, event->token);
    int64_t now_us = clock_us();
    uint32_t token = event->token;
    Ack ack;

    if (stream == NULL)
        return;
    ack_parse_run(event->answer.at, event->answer.length, stream, &ack);
    for (bool more = true; more; ack.count--) {
        uint32_t next = 0;

        more = flight_follower(flight, token, &next);
        if (ack.count > 0) {
            Answered answered = flight_answer(flight, token, &ack, now_us, 0);

            if (answered.lane != NULL)
                on_stored(&answered, false, tally);
        } else {
            flight_give_back(flight, token, now_us);
        }
        token = next;
    }
}

static void on_stream(const SinkEvent *event, Lane *lane)
{
    bool was_held = lane->state == LANE_HELD;

    lane_configure(lane, &event->settings);
    lane->batched = event->batched;
    if (event->complaint[0] != '\0')
        log_warn("a stream's settings for the relay cannot be read; the defaults count",
                 KV("tenant", lane->tenant), KV("error", event->complaint));
    if (was_held != (lane->state == LANE_HELD))
        log_info(was_held ? "a tenant is no longer suspended" : "a tenant is suspended: rows wait",
                 KV("tenant", lane->tenant));
}

static void on_stream_missing(Lane *lane, Notes *notes)
{
    Ack ack;

    ack_no_responders(lane->stream, &ack);
    if (lane_pause(lane, FAILURE_NO_STREAM, ack.text, clock_ms(), random_u32()))
        tell_paused(lane, notes);
}

static void on_stream_event(const SinkEvent *event, Lane *lane, Notes *notes)
{
    if (event->type == SINK_STREAM)
        on_stream(event, lane);
    else if (event->type == SINK_STREAM_MISSING)
        on_stream_missing(lane, notes);
    else if (event->type == SINK_STREAM_CHANGED)
        lane_wake(lane);
}

void event_apply(const SinkEvent *event, Lanes *lanes, Flight *flight, Notes *notes, Tally *tally)
{
    if (event->type == SINK_ANSWER) {
        on_answer(event, flight, tally);
        return;
    }
    if (event->type == SINK_RUN_ANSWER) {
        on_run_answer(event, flight, tally);
        return;
    }
    Lane *lane = lanes_find(lanes, event->tenant); /* NULL: a tenant without rows */

    if (event->type != SINK_STREAM_CHANGED)
        lanes_set_denied(lanes, event->type == SINK_STREAM_DENIED);
    if (lane != NULL)
        on_stream_event(event, lane, notes);
}

void event_time(Flight *flight, const char *complaint)
{
    char why[LANE_WHY_MAX];

    (void)snprintf(why, sizeof why, "%s%s%.100s", failure_text(FAILURE_TIMEOUT),
                   complaint[0] != '\0' ? "; NATS said: " : "", complaint);
    size_t expired = flight_expire(flight, clock_us(), random_u32(), why);
    if (expired == 0)
        return;
    metric_add(&metric_publish_errors, (double)expired, failure_word(FAILURE_TIMEOUT));
    log_warn("publishes without an answer; they will be repeated", KV("count", (int64_t)expired),
             KV("reason", why));
}

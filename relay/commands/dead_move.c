/* Rows are taken in pieces, each a transaction. Where the table refuses one of a piece, the piece
 * is halved until that row is alone: it stays, and the others go. */
#include "answer.h"
#include "dead_command.h"
#include "dead_filter.h"
#include "stop.h"

typedef struct Move {
    Session session;
    DeadFilter filter;
    DeadColumns columns;
    bool discard;
    int64_t found;
    int64_t done;
    int64_t refused;
    int64_t first_refused; /* its dead_id, and why: */
    char why[ERROR_TEXT_MAX];
} Move;

static int move_once(Move *self, DeadIds ids, int64_t *ret_done, Error *reterr)
{
    return self->discard ? dead_rows_discard(&self->session, ids, ret_done, reterr)
                         : dead_rows_requeue(&self->session, &self->columns, ids, ret_done, reterr);
}

static void refuse(Move *self, int64_t dead_id, const Error *error)
{
    if (self->refused++ > 0)
        return;
    self->first_refused = dead_id;
    memcpy(self->why, error->text, sizeof self->why);
}

static int move_piece(Move *self, DeadIds ids, Error *reterr)
{
    const DeadIds first = {ids.at, ids.count / 2};
    const DeadIds second = {ids.at + first.count, ids.count - first.count};
    int64_t done = 0;

    if (move_once(self, ids, &done, reterr) == 0) {
        self->done += done;
        return 0;
    }
    if (reterr->kind != ERROR_BUG || !postgres_is_open(self->session.postgres))
        return -1;
    if (ids.count > 1)
        return move_piece(self, first, reterr) < 0 ? -1 : move_piece(self, second, reterr);
    refuse(self, ids.at[0], reterr);
    return 0;
}

static int move_all(Move *self, const DeadOptions *options, Error *reterr)
{
    int64_t left = options->limit > 0 ? options->limit : INT64_MAX;
    DeadPiece piece = {.count = 1};
    DeadWalk walk;

    if (dead_walk_begin(&self->session, &walk, reterr) < 0)
        return -1;
    for (; piece.count > 0 && left > 0; left -= (int64_t)piece.count) {
        if (stop_requested())
            return error_set(reterr, ERROR_BUSY, "stopped");
        walk.most = (size_t)min_i64(left, DEAD_PIECE);
        if (dead_walk_next(&self->session, &self->filter, &walk, &piece, reterr) < 0)
            return -1;
        self->found += (int64_t)piece.count;
        if (piece.count > 0 && !options->dry_run &&
            move_piece(self, (DeadIds){piece.ids, piece.count}, reterr) < 0)
            return -1;
    }
    return 0;
}

static void tell(const Move *self, const DeadOptions *options)
{
    const char *word = self->discard ? "discarded" : "requeued";
    int64_t count = options->dry_run ? self->found : self->done;

    if (text_eq(options->output, "json"))
        (void)printf("{\"%s\":%" PRId64 ",\"refused\":%" PRId64 ",\"dryRun\":%s}\n", word, count,
                     self->refused, options->dry_run ? "true" : "false");
    else if (options->dry_run)
        (void)printf("%" PRId64 " %s would be %s\n", count, answer_rows(count), word);
    else
        (void)printf("%" PRId64 " %s %s\n", count, answer_rows(count), word);
}

/* Whether all that was asked for came about. */
static int judge(const Move *self, const DeadOptions *options, Error *reterr)
{
    int64_t missing = (int64_t)self->filter.id_count - self->found;

    if (self->refused > 0)
        return error_set(reterr, ERROR_REFUSED,
                         "%" PRId64 " %s stay dead, as the outbox does not take them; dead_id "
                         "%" PRId64 ": %.300s",
                         self->refused, answer_rows(self->refused), self->first_refused, self->why);
    if (missing > 0 && options->limit == 0)
        return error_set(reterr, ERROR_NOT_FOUND,
                         "%" PRId64 " of the ids that were named are not among the dead rows%s",
                         missing,
                         self->filter.tenant[0] != '\0' || self->filter.reason[0] != '\0'
                             ? " of that tenant or reason"
                             : "");
    return answer_flush(reterr);
}

static int run(Move *self, const OutboxSettings *outbox, const DeadOptions *options, Error *reterr)
{
    if (session_open(&self->session, outbox, reterr) < 0 ||
        dead_columns_read(&self->session, &self->columns, reterr) < 0)
        return -1;
    int r = move_all(self, options, reterr);
    tell(self, options);
    return r < 0 ? -1 : judge(self, options, reterr);
}

static int move(const OutboxSettings *outbox, const DeadOptions *options, const DeadWords *words,
                bool discard, Error *reterr)
{
    static Move self;

    self.discard = discard;
    if (dead_filter_parse(options, words, &self.filter, reterr) < 0 ||
        dead_filter_check_change(options, &self.filter, reterr) < 0)
        return -1;
    int r = session_ended(run(&self, outbox, options, reterr), reterr);
    if (r < 0 && reterr->kind == ERROR_INVALID && self.session.postgres != NULL)
        reterr->kind = ERROR_NOT_FOUND; /* no wrong usage */
    dead_columns_done(&self.columns);
    session_done(&self.session);
    return r;
}

int dead_requeue(const OutboxSettings *outbox, const DeadOptions *options, const DeadWords *words,
                 Error *reterr)
{
    return move(outbox, options, words, false, reterr);
}

int dead_discard(const OutboxSettings *outbox, const DeadOptions *options, const DeadWords *words,
                 Error *reterr)
{
    return move(outbox, options, words, true, reterr);
}

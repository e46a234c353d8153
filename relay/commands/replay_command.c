#include "replay_command.h"

#include "answer.h"
#include "published_rows.h"
#include "stop.h"
#include "subject.h"
#include "units.h"

enum { NS_PER_MS = 1000000 };

static int check(const OutboxSettings *outbox, const ReplayOptions *options, Error *reterr)
{
    if (options->since[0] == '\0')
        return error_set(reterr, ERROR_INVALID,
                         "say from when on, with --since=15m or --since=2026-01-31T12:00:00Z");
    if (options->tenant[0] != '\0' && !tenant_id_valid(options->tenant))
        return error_set(reterr, ERROR_INVALID, "--tenant: '%.64s' is no tenant's id",
                         options->tenant);
    if (outbox->on_published == ON_PUBLISHED_DELETE)
        return error_set(reterr, ERROR_INVALID,
                         "with --on-published=delete rows are deleted as they are published: there "
                         "is nothing that could be published again");
    return 0;
}

static int check_span(const PublishedSpan *span, int64_t keep_ms, Error *reterr)
{
    char keep[DURATION_TEXT_SIZE];

    if (!span->gone)
        return 0;
    duration_format(keep_ms * NS_PER_MS, keep);
    return error_set(
        reterr, ERROR_REFUSED,
        "rows stay for --keep=%s after they were published, so that what was published "
        "between %s and %s is gone, or going: say --since=%s or later, or the --keep "
        "that the relays run with",
        keep, span->since, span->kept, span->kept);
}

static int replay_all(Session *session, const PublishedWanted *wanted, const PublishedSpan *span,
                      PublishedWalk *walk, Error *reterr)
{
    while (!walk->ended) {
        if (stop_requested())
            return error_set(reterr, ERROR_BUSY, "stopped");
        if (published_replay(session, wanted, span, walk, reterr) < 0)
            return -1;
    }
    return 0;
}

static void tell(const ReplayOptions *options, const PublishedSpan *span, const PublishedWalk *walk)
{
    if (text_eq(options->output, "json")) {
        (void)printf("{\"replayed\":%" PRId64 ",\"since\":\"%s\",\"until\":\"%s\",\"dryRun\":%s}\n",
                     walk->matched, span->since, span->until, options->dry_run ? "true" : "false");
        return;
    }
    (void)printf("%" PRId64 " %s published from %s to %s %s pending again\n", walk->matched,
                 answer_rows(walk->matched), span->since, span->until,
                 options->dry_run ? "would be" : "are");
    if (walk->matched > 0)
        (void)printf("A stream that still knows an event's message id drops the repeat: it does so "
                     "within its duplicateWindow (2m unless it is set). Beyond it the event is "
                     "stored a second time, under the same id.\n");
}

static int run(Session *session, int64_t keep_ms, const ReplayOptions *options, Error *reterr)
{
    const PublishedWanted wanted = {
        .since = options->since,
        .until = options->until,
        .tenant = options->tenant,
        .keep_ms = keep_ms,
        .dry_run = options->dry_run,
    };
    PublishedWalk walk = {.cursor = INT64_MIN};
    PublishedSpan span;

    if (!session->mapping.has[MAPPED_PUBLISHED_AT])
        return error_set(reterr, ERROR_REFUSED,
                         "the outbox has no column that says when a row was published "
                         "(--column-published-at)");
    if (published_span_read(session, &wanted, &span, reterr) < 0 ||
        check_span(&span, keep_ms, reterr) < 0)
        return -1;
    int r = replay_all(session, &wanted, &span, &walk, reterr);
    tell(options, &span, &walk);
    if (r == 0 && walk.published == 0)
        return error_set(reterr, ERROR_NOT_FOUND,
                         "the outbox holds no published row: the relays run with "
                         "--on-published=delete, or all are older than their --keep");
    return r < 0 ? -1 : answer_flush(reterr);
}

int replay_command(const OutboxSettings *outbox, int64_t keep_ms, const ReplayOptions *options,
                   Error *reterr)
{
    static Session session;

    if (check(outbox, options, reterr) < 0)
        return -1;
    int r = session_open(&session, outbox, reterr);
    if (r == 0)
        r = run(&session, keep_ms, options, reterr);
    session_done(&session);
    return session_ended(r, reterr);
}

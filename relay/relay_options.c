#include "relay_options.h"

#include "process.h"

#define FIELD(name) offsetof(RelayOptions, name)

enum { SECOND_MS = 1000, POLL_MAX_MS = 10 * 1000 };

#define YEAR_MS (INT64_C(365) * 24 * 3600 * 1000)

static const Option options[] = {
    {"database-url", OPTION_TEXT, FIELD(database_url), "", 0, 0, NULL,
     "Connection string of the database with the outbox. PGHOST, PGPASSWORD, PGPASSFILE and the "
     "other variables of libpq fill what it leaves out; keep a password there or in "
     "BULKHEAD_DATABASE_URL, not in the arguments."},
    NATS_OPTION_ROWS(FIELD),
    {"nats-inbox", OPTION_TEXT, FIELD(nats_inbox), "_INBOX", 0, 0, NULL,
     "Prefix of the subjects that acknowledgements come back on. One that no other user may "
     "subscribe to or publish on keeps them from being read or forged."},
    {"on-published", OPTION_TEXT, FIELD(on_published), "mark", 0, 0, "mark|delete",
     "What becomes of a published row: mark sets its status to published and keeps it for "
     "--keep; delete removes it at once, which is faster."},
    {"keep", OPTION_DURATION_MS, FIELD(keep_ms), "1h", SECOND_MS, YEAR_MS, NULL,
     "How long rows stay after they were marked as published."},
    {"workers", OPTION_COUNT, FIELD(workers), "2", 1, 64, NULL,
     "Batches that are worked on at the same time, each with its own connections."},
    {"batch", OPTION_COUNT, FIELD(batch), "1000", 1, 4096, NULL,
     "Most rows of one batch, which is one transaction."},
    {"poll", OPTION_DURATION_MS, FIELD(poll_ms), "20ms", 1, POLL_MAX_MS, NULL,
     "Longest wait between two looks for new rows while there are none."},
    {"max-attempts", OPTION_COUNT, FIELD(max_attempts), "20", 0, 30000, NULL,
     "Attempts after which a row that JetStream refuses for a reason unknown to the relay goes to "
     "outbox_dead; 0: never. Rows whose stream is missing, full or slow wait without end."},
    PROCESS_OPTION_ROWS(FIELD),
    {"print-schema", OPTION_FLAG, FIELD(print_schema), "false", 0, 0, NULL,
     "Print the SQL of the outbox's tables and end."},
};

static const Command commands[] = {
    {"", "Relay: carry the outbox's rows to their tenants' streams until stopped."},
    {"migrate", "Create the outbox's tables, or bring them up to date, and end."},
};

const Program relay_program = {
    .name = "bulkhead-relay",
    .summary = "carries every committed row of a PostgreSQL outbox to its tenant's stream",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .commands = commands,
    .command_count = ARRAY_SIZE(commands),
};

OnPublished relay_on_published(const RelayOptions *self)
{
    return text_eq(self->on_published, "delete") ? ON_PUBLISHED_DELETE : ON_PUBLISHED_MARK;
}

#include "relay_options.h"

#include "process.h"

#define FIELD(name) offsetof(RelayOptions, name)

#define COLUMN_ROW(flag, column, ours, what)                                                       \
    {                                                                                              \
        "column-" flag, OPTION_TEXT, FIELD(names.columns[column]), ours, 0, 0, NULL, what          \
    }

enum {
    SECOND_MS = 1000,
    POLL_MAX_MS = 10 * 1000,
    REPORT_MIN_MS = 100,
    HOUR_MS = 3600 * 1000,
    LIMIT_MAX = 1000 * 1000
};

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
    {"batch", OPTION_COUNT, FIELD(batch), "2000", 1, 4096, NULL,
     "Most rows of one batch, which is one transaction."},
    {"poll", OPTION_DURATION_MS, FIELD(poll_ms), "20ms", 1, POLL_MAX_MS, NULL,
     "Longest wait between two looks for new rows while there are none."},
    {"max-attempts", OPTION_COUNT, FIELD(max_attempts), "20", 0, 30000, NULL,
     "Attempts after which a row that JetStream refuses for a reason unknown to the relay goes to "
     "outbox_dead; 0: never. Rows whose stream is missing, full or slow wait without end."},
    {"report-interval", OPTION_DURATION_MS, FIELD(report_ms), "10s", REPORT_MIN_MS, HOUR_MS, NULL,
     "Time between two counts of what waits, for the metrics and for the report of which the "
     "controller makes status.outbox."},
    {"table", OPTION_TEXT, FIELD(names.table), "outbox", 0, 0, NULL,
     "Table of the outbox, TABLE or SCHEMA.TABLE, with names as the catalogue has them; one that "
     "holds a dot stands in double quotes. The relay's other tables lie beside it and begin with "
     "its name."},
    COLUMN_ROW("id", MAPPED_ID, "id",
               "Column with the number of a row: smallint, integer or bigint, unique, growing."),
    COLUMN_ROW("tenant-id", MAPPED_TENANT_ID, "tenant_id",
               "Column that says whose the event is: a text, uuid or integer."),
    COLUMN_ROW("event-type", MAPPED_EVENT_TYPE, "event_type",
               "Column with the end of the subject: a text, uuid, integer or enum."),
    COLUMN_ROW("payload", MAPPED_PAYLOAD, "payload",
               "Column with the content: bytea, text, json or jsonb."),
    COLUMN_ROW("headers", MAPPED_HEADERS, "headers",
               "Column with the headers, an object: json or jsonb. Empty: there is none."),
    COLUMN_ROW(
        "msg-id", MAPPED_MSG_ID, "msg_id",
        "Column with the message id, new for each event: uuid or text. Empty: there is none, "
        "and the relay makes one of the row's id and content."),
    COLUMN_ROW("ordering-key", MAPPED_ORDERING_KEY, "ordering_key",
               "Column with the key whose events keep their order: a text, uuid or integer. Empty: "
               "there is none."),
    COLUMN_ROW("created-at", MAPPED_CREATED_AT, "created_at",
               "Column with the time of the event: timestamptz or timestamp. Empty: there is none, "
               "and the age of rows is not measured."),
    COLUMN_ROW(
        "status", MAPPED_STATUS, "status",
        "Column that says whether the event was published: a text, enum, integer or boolean."),
    COLUMN_ROW("attempts", MAPPED_ATTEMPTS, "attempts",
               "Column where the relay counts failures: smallint, integer or bigint."),
    COLUMN_ROW("next-attempt-at", MAPPED_NEXT_ATTEMPT_AT, "next_attempt_at",
               "Column where the relay notes when to try again: timestamptz."),
    COLUMN_ROW(
        "published-at", MAPPED_PUBLISHED_AT, "published_at",
        "Column where the relay notes when the event was stored: timestamptz. Empty: there is "
        "none, which needs --on-published=delete."),
    COLUMN_ROW("last-error", MAPPED_LAST_ERROR, "last_error",
               "Column where the relay notes why a row waits: text. Empty: there is none."),
    {"status-pending", OPTION_TEXT, FIELD(names.pending), "pending", 0, 0, NULL,
     "Value of the status column for events that are to be published."},
    {"status-published", OPTION_TEXT, FIELD(names.published), "published", 0, 0, NULL,
     "Value of the status column for events that were."},
    PROCESS_OPTION_ROWS(FIELD),
    {"print-schema", OPTION_FLAG, FIELD(print_schema), "false", 0, 0, NULL,
     "Print the SQL of the outbox's tables and end."},
};

/* What the commands for dead rows have in common. */
#define DEAD_ROWS(most, most_help)                                                                 \
    {"tenant", OPTION_TEXT, FIELD(dead.tenant), "", 0, 0, NULL, "Only rows of this tenant_id."},   \
        {"reason",                                                                                 \
         OPTION_TEXT,                                                                              \
         FIELD(dead.reason),                                                                       \
         "",                                                                                       \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         "Only rows that died of this reason, as the list shows it."},                             \
        {"limit", OPTION_COUNT, FIELD(dead.limit), most, 0, LIMIT_MAX, NULL, most_help},           \
    {                                                                                              \
        "output", OPTION_TEXT, FIELD(dead.output), "text", 0, 0, "text|json",                      \
            "Form of the answer."                                                                  \
    }

static const Option list_flags[] = {
    DEAD_ROWS("100", "Most rows that are shown."),
    {"payload", OPTION_FLAG, FIELD(dead.payload), "false", 0, 0, NULL,
     "Show headers, and payloads in base64, too; with --output=json."},
};

static const Option move_flags[] = {
    DEAD_ROWS("0", "Most rows that are taken; 0: all."),
    {"all", OPTION_FLAG, FIELD(dead.all), "false", 0, 0, NULL,
     "Every dead row, where neither ids nor --tenant nor --reason say which."},
    {"dry-run", OPTION_FLAG, FIELD(dead.dry_run), "false", 0, 0, NULL,
     "Count them, and change nothing."},
};

static const Option replay_flags[] = {
    {"since", OPTION_TEXT, FIELD(replay.since), "", 0, 0, NULL,
     "Rows that were published from then on: 2026-01-31T12:00:00Z, or 15m ago. Needed."},
    {"until", OPTION_TEXT, FIELD(replay.until), "0s", 0, 0, NULL,
     "... and before this time, given in the same way."},
    {"tenant", OPTION_TEXT, FIELD(replay.tenant), "", 0, 0, NULL, "Only rows of this tenant."},
    {"output", OPTION_TEXT, FIELD(replay.output), "text", 0, 0, "text|json", "Form of the answer."},
    {"dry-run", OPTION_FLAG, FIELD(replay.dry_run), "false", 0, 0, NULL,
     "Count them, and change nothing."},
};

static const Command commands[] = {
    {.name = "", .help = "Relay: carry the outbox's rows to their tenants' streams until stopped."},
    {.name = "migrate", .help = "Create the outbox's tables, or bring them up to date, and end."},
    {
        .name = "dead list",
        .help = "List rows that were given up, with the reason.",
        .words = "[DEAD_ID ...]",
        .options = list_flags,
        .option_count = ARRAY_SIZE(list_flags),
        .by_hand = true,
    },
    {
        .name = "dead requeue",
        .help = "Put such rows back: under their old message id, before later rows of their key.",
        .words = "[DEAD_ID ...]",
        .options = move_flags,
        .option_count = ARRAY_SIZE(move_flags),
        .by_hand = true,
    },
    {
        .name = "dead discard",
        .help = "Delete such rows for good.",
        .words = "[DEAD_ID ...]",
        .options = move_flags,
        .option_count = ARRAY_SIZE(move_flags),
        .by_hand = true,
    },
    {
        .name = "replay",
        .help = "Publish again what was published in a time, while --keep keeps it.",
        .options = replay_flags,
        .option_count = ARRAY_SIZE(replay_flags),
        .by_hand = true,
    },
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

OutboxSettings relay_outbox(const RelayOptions *self)
{
    return (OutboxSettings){
        .database_url = self->database_url,
        .names = self->names,
        .on_published = relay_on_published(self),
    };
}

-- The outbox: a row written in the transaction of the business change is an event that will reach
-- its tenant's stream. docs/relay.md is the contract. Works on PostgreSQL 13 and later.

{?made}
CREATE TABLE {outbox} (
    id              bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    status          text COLLATE "C" NOT NULL DEFAULT 'pending',
    attempts        smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    published_at    timestamptz,
    tenant_id       text COLLATE "C" NOT NULL,
    event_type      text COLLATE "C" NOT NULL,
    ordering_key    text COLLATE "C",
    msg_id          uuid NOT NULL DEFAULT gen_random_uuid(),
    headers         jsonb NOT NULL DEFAULT '{}',
    payload         bytea NOT NULL,
    last_error      text,
    PRIMARY KEY (id),
    CONSTRAINT outbox_status CHECK (status IN ('pending', 'published', 'dead')),
    CONSTRAINT outbox_attempts CHECK (attempts >= 0),
    CONSTRAINT outbox_tenant_id CHECK (tenant_id ~ '^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$'),
    CONSTRAINT outbox_event_type CHECK (
        octet_length(event_type) <= 128 AND event_type ~ '^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$'),
    CONSTRAINT outbox_ordering_key CHECK (octet_length(ordering_key) <= 256),
    CONSTRAINT outbox_headers CHECK (
        jsonb_typeof(headers) = 'object' AND octet_length(headers::text) <= 16384),
    -- No header may speak to the server (Nats-Rollup would delete the stream's history), end a line,
    -- or be anything but a text, a number or a boolean.
    CONSTRAINT outbox_headers_safe CHECK (NOT headers @? '$.keyvalue() ?
        (!(@.key like_regex "^[A-Za-z0-9-]{1,64}$")
         || @.key like_regex "^(nats-.*|status|description)$" flag "i"
         || (@.value.type() != "string" && @.value.type() != "number"
             && @.value.type() != "boolean")
         || @.value like_regex "[\\r\\n]")'),
    -- Below the 1 MiB that a NATS server takes by default, so that the headers fit beside it.
    CONSTRAINT outbox_payload CHECK (octet_length(payload) <= 1000000)
) WITH (
    -- Rows are written once and marked or deleted once: vacuum often and cheaply, and never let
    -- ANALYZE see an empty table, after which the planner would read all of a full one.
    toast_tuple_target = 8160,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_threshold = 2000000000
);
ALTER TABLE {outbox} ALTER payload SET STORAGE EXTERNAL, ALTER headers SET STORAGE MAIN;
{/}
{?adopted}
-- The table is the application's: it gets the columns of the relay that it lacks. Rows count as
-- pending that do not say otherwise, and those that were tried before are tried at once.
{/}{?+id}
ALTER TABLE {outbox} ADD COLUMN {id} bigint GENERATED ALWAYS AS IDENTITY (CACHE 1);
CREATE UNIQUE INDEX {~outbox_id} ON {outbox} ({id});
{/}{?+status}
ALTER TABLE {outbox} ADD COLUMN IF NOT EXISTS {status} text COLLATE "C" NOT NULL DEFAULT {'pending'};
{/}{?+attempts}
ALTER TABLE {outbox} ADD COLUMN IF NOT EXISTS {attempts} smallint NOT NULL DEFAULT 0;
{/}{?+next_attempt_at}
ALTER TABLE {outbox} ADD COLUMN IF NOT EXISTS {next_attempt_at} timestamptz DEFAULT now();
{/}{?+published_at}
ALTER TABLE {outbox} ADD COLUMN IF NOT EXISTS {published_at} timestamptz;
{/}{?+last_error}
ALTER TABLE {outbox} ADD COLUMN IF NOT EXISTS {last_error} text;
{/}

-- Rows that were never tried lie in an index of their own, so that those in backoff, however many,
-- do not slow the way of the others.
CREATE INDEX IF NOT EXISTS {~outbox_ready} ON {outbox} (({tenant_id}::text), {id})
    WHERE {status} = {'pending'} AND {attempts} = 0;
CREATE INDEX IF NOT EXISTS {~outbox_retry} ON {outbox} (({tenant_id}::text), {next_attempt_at}, {id})
    WHERE {status} = {'pending'} AND {attempts} > 0;
{?ordering_key}
CREATE INDEX IF NOT EXISTS {~outbox_blocked} ON {outbox} (({tenant_id}::text), left({ordering_key}::text, 256), {id})
    WHERE {status} = {'pending'} AND {attempts} > 0 AND {ordering_key} IS NOT NULL;
{/}

-- Rows that can never be published, with the reason. No constraint: what broke them is why they are
-- here. dead_id and not id is the key, since ids come again where a sequence was restarted.
CREATE TABLE {outbox_dead} (
    dead_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dead_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason       text COLLATE "C" NOT NULL, -- one word, for statistics; last_error is the sentence
    id           bigint,
    created_at   timestamptz,
    status       text COLLATE "C" NOT NULL DEFAULT 'dead',
    attempts     smallint,
    tenant_id    text{?made} COLLATE "C"{/},
    event_type   text COLLATE "C",
    ordering_key text{?made} COLLATE "C"{/},
{?made}
    msg_id       uuid,
    headers      jsonb,
{/}{?adopted}
    msg_id       text,
    headers      text,
    original     json, -- the whole row, as the application's table had it
{/}
    payload      bytea,
    last_error   text
);
CREATE INDEX {~outbox_dead_key} ON {outbox_dead} (tenant_id, ordering_key, id);

-- What the relays of all replicas share about a tenant: how many events it may still send.
CREATE TABLE {outbox_lane} (
    tenant_id text COLLATE "C" PRIMARY KEY,
    tokens    double precision NOT NULL,
    tokens_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

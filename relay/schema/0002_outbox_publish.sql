{?made}
-- outbox_publish(tenant, type, payload, ...): inserts an event and returns its message id. What the
-- table would refuse is refused here with a sentence that says what is allowed.

CREATE FUNCTION {outbox_check}(tenant_id text, event_type text, payload_size integer, headers jsonb)
RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    bad_key text;
BEGIN
    IF tenant_id IS NULL OR tenant_id !~ '^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$' THEN
        RAISE EXCEPTION 'outbox_publish: % is not a tenant id', coalesce(quote_literal(tenant_id), 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Want 1 to 40 of a-z, 0-9 and -, beginning and ending with a letter or digit.';
    END IF;
    IF event_type IS NULL OR octet_length(event_type) > 128
       OR event_type !~ '^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$' THEN
        RAISE EXCEPTION 'outbox_publish: % is not an event type', coalesce(quote_literal(event_type), 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Want words of A-Z, a-z, 0-9, _ and -, joined by single dots; at most 128 bytes.';
    END IF;
    IF payload_size IS NULL THEN
        RAISE EXCEPTION 'outbox_publish: the payload is NULL'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'An empty payload is '''' .';
    END IF;
    IF payload_size > 1000000 THEN
        RAISE EXCEPTION 'outbox_publish: the payload has % bytes, at most 1000000 are allowed', payload_size
            USING ERRCODE = 'program_limit_exceeded',
                  HINT = 'Keep large content elsewhere and publish a reference to it.';
    END IF;
    IF headers IS NULL OR jsonb_typeof(headers) <> 'object' THEN
        RAISE EXCEPTION 'outbox_publish: headers must be a JSON object, as in {"traceparent": "00-..."}'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(headers::text) > 16384 THEN
        RAISE EXCEPTION 'outbox_publish: the headers have more than 16384 bytes'
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    SELECT key INTO bad_key FROM jsonb_each(headers)
        WHERE key !~ '^[A-Za-z0-9-]{1,64}$' OR key ~* '^(nats-.*|status|description)$' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'outbox_publish: header % is not allowed', quote_literal(bad_key)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Names have 1 to 64 of A-Z, a-z, 0-9 and -; Nats-*, Status and Description belong to the server.';
    END IF;
    SELECT key INTO bad_key FROM jsonb_each(headers)
        WHERE jsonb_typeof(value) NOT IN ('string', 'number', 'boolean') OR (value #>> '{}') ~ '[\r\n]' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'outbox_publish: the value of header % is not one line of text', quote_literal(bad_key)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END $$;

CREATE FUNCTION {outbox_publish}(
    tenant_id text, event_type text, payload bytea,
    ordering_key text DEFAULT NULL, headers jsonb DEFAULT '{}', msg_id uuid DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    id uuid := coalesce(msg_id, gen_random_uuid());
BEGIN
    PERFORM {outbox_check}(tenant_id, event_type, octet_length(payload), headers);
    IF octet_length(ordering_key) > 256 THEN
        RAISE EXCEPTION 'outbox_publish: the ordering key has more than 256 bytes'
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    INSERT INTO {outbox} (tenant_id, event_type, payload, ordering_key, headers, msg_id)
        VALUES (tenant_id, event_type, payload, ordering_key, headers, id);
    RETURN id;
END $$;

CREATE FUNCTION {outbox_publish}(
    tenant_id text, event_type text, payload text,
    ordering_key text DEFAULT NULL, headers jsonb DEFAULT '{}', msg_id uuid DEFAULT NULL)
RETURNS uuid LANGUAGE sql AS $$
    SELECT {outbox_publish}($1, $2, convert_to($3, 'UTF8'), $4, $5, $6)
$$;

CREATE FUNCTION {outbox_publish}(
    tenant_id text, event_type text, payload jsonb,
    ordering_key text DEFAULT NULL, headers jsonb DEFAULT '{}', msg_id uuid DEFAULT NULL)
RETURNS uuid LANGUAGE sql AS $$
    SELECT {outbox_publish}($1, $2, convert_to($3::text, 'UTF8'), $4, $5, $6)
$$;
{/}

/* The fields of a consumer: the table, and the defaults that depend on other fields. Pure. */
#ifndef CONSUMER_FIELDS_H
#define CONSUMER_FIELDS_H

#include "field.h"

extern const FieldTable consumer_fields;

/* Builds the configuration of one item of spec.consumers as the server will report it:
 * fields_build, then what the server would fill in itself (ack_wait from backoff; max_ack_pending
 * and inactive_threshold from consumer_limits of STREAM, the stream's built configuration;
 * priority_timeout). Names and filters are the caller's to add. Errors as of fields_build. */
int consumer_config_build(const FieldInput *input, const cJSON *stream, cJSON **ret_config,
                          Error *reterr) MUST_CHECK;

/* True if pause_until differs; says so in REASON as fields_diff does. CONSUMER.CREATE leaves the
 * pause of an existing consumer alone: $JS.API.CONSUMER.PAUSE sets it to DESIRED's pause_until, and
 * ends it where there is none. REASON may be NULL. */
bool consumer_pause_differs(const cJSON *desired, const cJSON *observed, Text *reason);

#endif

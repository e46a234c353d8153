/* The fields of a stream: the table, and the defaults that depend on other fields. Pure. */
#ifndef STREAM_FIELDS_H
#define STREAM_FIELDS_H

#include "field.h"

extern const FieldTable stream_fields;

/* Builds the configuration of INPUT's spec.stream as the server will report it: fields_build, then
 * what the server would fill in itself (duplicate_window; what subject_delete_marker_ttl and
 * allow_msg_schedules turn on). REPLICAS counts where the manifest names none. Name, subjects,
 * max_consumers and metadata beyond the manifest's are the caller's to add. Errors as of
 * fields_build. */
int stream_config_build(const FieldInput *input, int64_t replicas, cJSON **ret_config,
                        Error *reterr) MUST_CHECK;

#endif

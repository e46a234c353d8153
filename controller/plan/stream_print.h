/* One number for the state of a stream. Pure. */
#ifndef STREAM_PRINT_H
#define STREAM_PRINT_H

#include "json.h"

/* Differs if the configuration, the birth, the events or the number of consumers of the stream
 * that INFO tells of do; INFO is an answer to STREAM.INFO or an item of STREAM.LIST. NULL, no
 * stream, is 0, and nothing else is. */
uint64_t stream_print(const cJSON *info);

#endif

/* What JetStream has for one tenant, as the server told it. */
#ifndef OBSERVED_H
#define OBSERVED_H

#include "json.h"

typedef struct Observed {
    cJSON *stream;    /* the answer to STREAM.INFO; NULL: there is no such stream */
    cJSON *consumers; /* an array of consumer infos; NULL without a stream       */
} Observed;

static inline void observed_done(Observed *observed)
{
    cJSON_Delete(observed->stream);
    cJSON_Delete(observed->consumers);
    *observed = (Observed){0};
}

#endif

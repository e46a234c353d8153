/* What JetStream has for one tenant, as the server told it. */
#ifndef OBSERVED_H
#define OBSERVED_H

#include "json.h"

typedef struct Observed {
    cJSON *stream;    /* the answer to STREAM.INFO; NULL: there is no such stream */
    cJSON *consumers; /* an array of consumer infos; NULL without a stream       */
} Observed;

/* The info of the consumer NAME, or NULL. */
static inline const cJSON *observed_consumer(const Observed *observed, const char *name)
{
    const cJSON *info = NULL;

    cJSON_ArrayForEach (info, observed->consumers) {
        if (text_eq(json_text(info, "name", ""), name))
            return info;
    }
    return NULL;
}

static inline void observed_done(Observed *observed)
{
    cJSON_Delete(observed->stream);
    cJSON_Delete(observed->consumers);
    *observed = (Observed){0};
}

#endif

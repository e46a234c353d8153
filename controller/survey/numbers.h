/* The numbers of one tenant's stream and consumers, kept small, since there are thousands of them.
 * Pure. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include "observed.h"
#include "tenant.h"

enum { NUMBERS_TIME_SIZE = 40 }; /* RFC 3339 with nanoseconds and an offset has 35 */

/* These two are compared byte by byte: they have no gaps, and what a text does not fill is zero. */
typedef struct StreamNumbers {
    int64_t messages;
    int64_t bytes;
    int64_t first_sequence;
    int64_t last_sequence;
    char created[NUMBERS_TIME_SIZE];
    char last_time[NUMBERS_TIME_SIZE];
} StreamNumbers;

typedef struct ConsumerNumbers {
    int64_t pending;
    int64_t ack_pending;
    int64_t redelivered;
    char name[CONSUMER_NAME_MAX + 8];
} ConsumerNumbers;

typedef struct Numbers {
    StreamNumbers stream;
    bool has_stream;
    ConsumerNumbers *consumers; /* in the order of their names */
    size_t consumer_count;
} Numbers;

void numbers_done(Numbers *self);

/* INFO is what a server says of the stream, or of a consumer; what is missing in it is 0. A
 * consumer whose name is longer than a Tenant can declare is left out. */
void numbers_set_stream(Numbers *self, const cJSON *info);
void numbers_add_consumer(Numbers *self, const cJSON *info);

bool numbers_equal(const Numbers *a, const Numbers *b);

/* The copy is the caller's (numbers_done). */
Numbers numbers_copy(const Numbers *self);

/* As much of the answers to STREAM.INFO and CONSUMER.INFO as there is. The caller's
 * (observed_done). */
Observed numbers_observed(const Numbers *self);

#endif

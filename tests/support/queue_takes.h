/* What the tests of the queue begin with: a queue each, and what it hands out next. */
#ifndef QUEUE_TAKES_H
#define QUEUE_TAKES_H

#include "queue.h"
#include "unit.h"

#define QUEUE_TEST(name) static void name(void **state)

static inline int queue_setup(void **state)
{
    *state = queue_new();
    return 0;
}

static inline int queue_teardown(void **state)
{
    queue_free(*state);
    return 0;
}

/* The next key is WANT; NULL: nothing is due. */
static inline void take_is(Queue *queue, int64_t now_ms, const char *want)
{
    const char *key = queue_take(queue, now_ms);

    if (want == NULL)
        assert_null(key);
    else if (key == NULL)
        fail_msg("nothing was due, want %s", want);
    else
        assert_string_equal(key, want);
}

#endif

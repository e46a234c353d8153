#include "stream_print.h"

#include "alloc.h"

static const char *const state_members[] = {"messages", "bytes", "first_seq", "last_seq",
                                            "consumer_count"};

/* FNV-1a: it only has to differ when the text does. */
static uint64_t add_text(uint64_t print, const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        print = (print ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    return print;
}

uint64_t stream_print(const cJSON *info)
{
    uint64_t print = UINT64_C(0xcbf29ce484222325);
    const cJSON *config = json_at(info, "config");
    const cJSON *state = json_at(info, "state");

    if (info == NULL)
        return 0;
    DEFER(defer_free) char *text = config != NULL ? json_print(config) : xstrdup("");
    print = add_text(print, text);
    print = add_text(print, json_text(info, "created", ""));
    for (size_t i = 0; i < ARRAY_SIZE(state_members); i++)
        print = (print ^ (uint64_t)json_int(state, state_members[i], 0)) * UINT64_C(0x100000001b3);
    return print != 0 ? print : 1;
}

#include "stream_print.h"

#include "alloc.h"

#define FNV_PRIME UINT64_C(0x100000001b3)
#define FNV_START UINT64_C(0xcbf29ce484222325)

static const char *const state_members[] = {"messages", "bytes", "first_seq", "last_seq",
                                            "consumer_count"};

/* FNV-1a: it only has to differ when the text does. */
static uint64_t add_text(uint64_t print, const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        print = (print ^ (uint8_t)*c) * FNV_PRIME;
    return print;
}

static uint64_t add_item(uint64_t print, const cJSON *item)
{
    DEFER(defer_free) char *text = json_print(item);

    return add_text(add_text(print, item->string), text);
}

/* STREAM.LIST leaves out what the server adds of itself to the metadata, and STREAM.INFO does not.
 */
static uint64_t add_metadata(uint64_t print, const cJSON *metadata)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, metadata) {
        if (strncmp(item->string, "_nats.", strlen("_nats.")) != 0)
            print = add_item(print, item);
    }
    return print;
}

static uint64_t add_config(uint64_t print, const cJSON *config)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach (item, config) {
        print =
            text_eq(item->string, "metadata") ? add_metadata(print, item) : add_item(print, item);
    }
    return print;
}

uint64_t stream_print(const cJSON *info)
{
    uint64_t print = FNV_START;
    const cJSON *state = json_at(info, "state");

    if (info == NULL)
        return 0;
    print = add_config(print, json_at(info, "config"));
    print = add_text(print, json_text(info, "created", ""));
    for (size_t i = 0; i < ARRAY_SIZE(state_members); i++)
        print = (print ^ (uint64_t)json_int(state, state_members[i], 0)) * FNV_PRIME;
    return print != 0 ? print : 1;
}

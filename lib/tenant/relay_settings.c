#include "relay_settings.h"

#include "units.h"

enum { NUMBER_SIZE = 24 };

/* Above what the CRD allows: a stream's metadata may come from a newer controller. */
static const int64_t number_max = INT64_C(1) << 53;

RelaySettings relay_settings_default(void)
{
    return (RelaySettings){.weight = 1};
}

RelaySettings relay_settings_of(const cJSON *settings)
{
    return (RelaySettings){
        .weight = json_int(settings, "weight", 1),
        .ordering = text_eq(json_text(settings, "ordering", ""), "Key") ? RELAY_ORDERING_KEY
                                                                        : RELAY_ORDERING_NONE,
        .on_dead = text_eq(json_text(settings, "on_dead", ""), "Block") ? RELAY_ON_DEAD_BLOCK
                                                                        : RELAY_ON_DEAD_CONTINUE,
        .events_per_second = json_int(settings, "events_per_second", 0),
        .burst = json_int(settings, "burst", 0),
        .hold = text_eq(json_text(settings, "mode", ""), "Suspend"),
    };
}

static void write_number(cJSON *metadata, const char *key, int64_t number, int64_t fallback)
{
    char digits[NUMBER_SIZE];

    if (number == fallback)
        return;
    (void)snprintf(digits, sizeof digits, "%" PRId64, number);
    json_set_text(metadata, key, digits);
}

void relay_settings_write(const RelaySettings *settings, cJSON *metadata)
{
    write_number(metadata, RELAY_KEY_WEIGHT, settings->weight, 1);
    write_number(metadata, RELAY_KEY_EVENTS_PER_SECOND, settings->events_per_second, 0);
    write_number(metadata, RELAY_KEY_BURST, settings->burst, 0);
    if (settings->ordering == RELAY_ORDERING_KEY)
        json_set_text(metadata, RELAY_KEY_ORDERING, "Key");
    if (settings->on_dead == RELAY_ON_DEAD_BLOCK)
        json_set_text(metadata, RELAY_KEY_ON_DEAD, "Block");
    if (settings->hold)
        json_set_text(metadata, RELAY_KEY_HOLD, "true");
}

/* Keys hold dots, so that json_at cannot find them. */
static const char *label(const cJSON *metadata, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(metadata, key);

    if (item == NULL)
        return NULL;
    return cJSON_IsString(item) ? item->valuestring : "";
}

static int read_number(const cJSON *metadata, const char *key, int64_t *number, Error *reterr)
{
    const char *text = label(metadata, key);

    if (text == NULL)
        return 0;
    if (count_parse(text, 1, number_max, number, reterr) < 0)
        return error_wrap(reterr, "%s", key);
    return 0;
}

/* True if the key holds the second of WORDS, false if it holds the first or is not there. */
static int read_word(const cJSON *metadata, const char *key, const char *const words[2],
                     bool *ret_second, Error *reterr)
{
    const char *text = label(metadata, key);

    if (text != NULL && !text_eq(text, words[0]) && !text_eq(text, words[1]))
        return error_set(reterr, ERROR_INVALID, "%s: '%.64s' must be %s or %s", key, text, words[0],
                         words[1]);
    *ret_second = text != NULL && text_eq(text, words[1]);
    return 0;
}

static int read_words(const cJSON *metadata, RelaySettings *settings, Error *reterr)
{
    static const char *const orderings[] = {"None", "Key"};
    static const char *const actions[] = {"Continue", "Block"};
    static const char *const truths[] = {"false", "true"};
    bool key;
    bool block;

    if (read_word(metadata, RELAY_KEY_ORDERING, orderings, &key, reterr) < 0 ||
        read_word(metadata, RELAY_KEY_ON_DEAD, actions, &block, reterr) < 0 ||
        read_word(metadata, RELAY_KEY_HOLD, truths, &settings->hold, reterr) < 0)
        return -1;
    settings->ordering = key ? RELAY_ORDERING_KEY : RELAY_ORDERING_NONE;
    settings->on_dead = block ? RELAY_ON_DEAD_BLOCK : RELAY_ON_DEAD_CONTINUE;
    return 0;
}

int relay_settings_parse(const cJSON *metadata, RelaySettings *ret_settings, Error *reterr)
{
    RelaySettings settings = relay_settings_default();

    if (read_number(metadata, RELAY_KEY_WEIGHT, &settings.weight, reterr) < 0 ||
        read_number(metadata, RELAY_KEY_EVENTS_PER_SECOND, &settings.events_per_second, reterr) <
            0 ||
        read_number(metadata, RELAY_KEY_BURST, &settings.burst, reterr) < 0 ||
        read_words(metadata, &settings, reterr) < 0)
        return -1;
    *ret_settings = settings;
    return 0;
}

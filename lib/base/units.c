#include "units.h"

enum { PART_MAX = 4, PART_DIGITS_MAX = 5, DIGITS_MAX = 15, FRACTION_DIGITS_MAX = 3 };

static const int64_t quantity_max = INT64_C(1) << 53;

/* Reads at most MAX digits at *TEXT and moves it behind them; their number. */
static int digits_read(const char **text, int max, int64_t *ret_number)
{
    int digits = 0;

    *ret_number = 0;
    for (; digits <= max && **text >= '0' && **text <= '9'; digits++, (*text)++) {
        if (digits < max)
            *ret_number = *ret_number * 10 + (**text - '0');
    }
    return digits;
}

/* The largest first, as they are written. */
static const struct DurationUnit {
    const char *name;
    int64_t ns;
} duration_units[] = {
    {"h", INT64_C(3600000000000)},
    {"m", INT64_C(60000000000)},
    {"s", INT64_C(1000000000)},
    {"ms", INT64_C(1000000)},
};

/* The unit that all letters at TEXT name; NULL if they name none. */
static const struct DurationUnit *duration_unit_at(const char *text)
{
    size_t letters = strspn(text, "hms");

    for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
        if (letters == strlen(duration_units[i].name) && text_starts(text, duration_units[i].name))
            return &duration_units[i];
    }
    return NULL;
}

int duration_parse(const char *text, int64_t *ret_ns, Error *reterr)
{
    const char *at = text;
    int64_t total = 0;
    int parts = 0;

    do {
        int64_t number;
        int digits = digits_read(&at, PART_DIGITS_MAX, &number);
        const struct DurationUnit *unit = duration_unit_at(at);

        if (digits == 0 || digits > PART_DIGITS_MAX || unit == NULL || ++parts > PART_MAX)
            return error_set(reterr, ERROR_INVALID,
                             "'%s' is not a duration: want up to four numbers of at most five "
                             "digits, each with h, m, s or ms, as in 1h30m",
                             text);
        total += number * unit->ns;
        at += strlen(unit->name);
    } while (*at != '\0');
    *ret_ns = total;
    return 0;
}

void duration_format(int64_t ns, char ret_text[DURATION_TEXT_SIZE])
{
    size_t used = 0;

    assert(ns >= 0);
    for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
        int64_t count = ns / duration_units[i].ns;

        ns %= duration_units[i].ns;
        if (count > 0)
            used += (size_t)snprintf(ret_text + used, DURATION_TEXT_SIZE - used, "%" PRId64 "%s",
                                     count, duration_units[i].name);
    }
    if (used == 0)
        (void)snprintf(ret_text, DURATION_TEXT_SIZE, "0s");
}

static bool quantity_scale(const char *suffix, int64_t *ret_scale)
{
    static const struct {
        const char *suffix;
        int64_t scale;
    } scales[] = {
        {"", 1},
        {"k", INT64_C(1000)},
        {"M", INT64_C(1000000)},
        {"G", INT64_C(1000000000)},
        {"T", INT64_C(1000000000000)},
        {"P", INT64_C(1000000000000000)},
        {"Ki", INT64_C(1) << 10},
        {"Mi", INT64_C(1) << 20},
        {"Gi", INT64_C(1) << 30},
        {"Ti", INT64_C(1) << 40},
        {"Pi", INT64_C(1) << 50},
    };

    for (size_t i = 0; i < ARRAY_SIZE(scales); i++) {
        if (text_eq(suffix, scales[i].suffix)) {
            *ret_scale = scales[i].scale;
            return true;
        }
    }
    return false;
}

int quantity_parse(const char *text, int64_t *ret_bytes, Error *reterr)
{
    const char *at = text;
    int64_t whole;
    int64_t fraction = 0;
    int64_t scale = 1;
    int64_t parts = 1; /* the fraction counts 1/parts */

    int digits = digits_read(&at, DIGITS_MAX, &whole);
    if (digits > 0 && *at == '.') {
        at++;
        int decimals = digits_read(&at, FRACTION_DIGITS_MAX, &fraction);

        digits = decimals >= 1 && decimals <= FRACTION_DIGITS_MAX ? digits : 0;
        for (int i = 0; i < decimals; i++)
            parts *= 10;
    }
    if (digits == 0 || digits > DIGITS_MAX || !quantity_scale(at, &scale))
        return error_set(reterr, ERROR_INVALID,
                         "'%s' is not a quantity: want a number, or one with Ki, Mi, Gi, Ti, Pi, "
                         "k, M, G, T or P after it, as in 10Gi",
                         text);
    if (whole > quantity_max / scale || (fraction * (scale / parts) > quantity_max - whole * scale))
        return error_set(reterr, ERROR_INVALID, "'%s' is over the largest quantity, 8Pi", text);
    if (fraction * scale % parts != 0)
        return error_set(reterr, ERROR_INVALID, "'%s' is not a whole number of bytes", text);
    *ret_bytes = whole * scale + fraction * scale / parts;
    return 0;
}

int count_parse(const char *text, int64_t min, int64_t max, int64_t *ret_count, Error *reterr)
{
    const char *at = text;
    int64_t count;
    int digits = digits_read(&at, DIGITS_MAX, &count);

    if (digits == 0 || digits > DIGITS_MAX || *at != '\0' || count < min || count > max)
        return error_set(reterr, ERROR_INVALID,
                         "'%s' is not a whole number from %" PRId64 " to %" PRId64, text, min, max);
    *ret_count = count;
    return 0;
}

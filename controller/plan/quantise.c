#include "quantise.h"

static int64_t round_down(int64_t number, int64_t exact_below)
{
    int64_t unit = 1;

    while (number / unit >= exact_below)
        unit *= 10;
    return number / unit * unit;
}

int64_t quantise_count(int64_t count)
{
    return round_down(count, 1000);
}

int64_t quantise_seconds(int64_t seconds)
{
    return round_down(seconds, 100);
}

#include "rfc3339.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

/* COUNT digits at *AT, which moves behind them; -1 if there are fewer. */
static int64_t digits(const char **at, int count)
{
    int64_t number = 0;

    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return -1;
        number = number * 10 + (**at - '0');
    }
    return number;
}

static bool sign(const char **at, char wanted)
{
    return *(*at)++ == wanted;
}

static bool leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t days_of_month(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && leap(year) ? 1 : 0);
}

/* Days from 1970-01-01 to the first of MONTH. */
static int64_t days_before(int64_t year, int64_t month)
{
    int64_t past = year - 1;
    int64_t days = past * 365 + past / 4 - past / 100 + past / 400 - 719162;

    for (int64_t m = 1; m < month; m++)
        days += days_of_month(year, m);
    return days;
}

static bool date_read(const char **at, int64_t *ret_days)
{
    int64_t year = digits(at, 4);

    if (year < 1970 || !sign(at, '-'))
        return false;
    int64_t month = digits(at, 2);
    if (month < 1 || month > 12 || !sign(at, '-'))
        return false;
    int64_t day = digits(at, 2);
    if (day < 1 || day > days_of_month(year, month))
        return false;
    *ret_days = days_before(year, month) + day - 1;
    return true;
}

static bool time_read(const char **at, int64_t *ret_s)
{
    int64_t hours = digits(at, 2);

    if (hours < 0 || hours > 23 || !sign(at, ':'))
        return false;
    int64_t minutes = digits(at, 2);
    if (minutes < 0 || minutes > 59 || !sign(at, ':'))
        return false;
    int64_t seconds = digits(at, 2);
    if (seconds < 0 || seconds > 60) /* 60: a leap second */
        return false;
    *ret_s = hours * HOUR_S + minutes * MINUTE_S + seconds;
    return true;
}

/* Any number of digits behind a dot; those after the third are left out. */
static bool fraction_read(const char **at, int64_t *ret_ms)
{
    int64_t unit = 100;

    *ret_ms = 0;
    if (**at != '.')
        return true;
    (*at)++;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
        *ret_ms += (**at - '0') * unit;
    return true;
}

static bool zone_read(const char **at, int64_t *ret_s)
{
    char first = *(*at)++;
    int64_t sense = first == '-' ? -1 : 1;

    *ret_s = 0;
    if (first == 'Z' || first == 'z')
        return true;
    if (first != '+' && first != '-')
        return false;
    int64_t hours = digits(at, 2);
    if (hours < 0 || hours > 23 || !sign(at, ':'))
        return false;
    int64_t minutes = digits(at, 2);
    *ret_s = sense * (hours * HOUR_S + minutes * MINUTE_S);
    return minutes >= 0 && minutes <= 59;
}

bool rfc3339_parse(const char *text, int64_t *ret_ms)
{
    int64_t days;
    int64_t seconds;
    int64_t ms;
    int64_t offset;

    if (!date_read(&text, &days) || (*text != 'T' && *text != 't' && *text != ' '))
        return false;
    text++;
    if (!time_read(&text, &seconds) || !fraction_read(&text, &ms) || !zone_read(&text, &offset) ||
        *text != '\0')
        return false;
    *ret_ms = max_i64(0, (days * DAY_S + seconds - offset) * 1000 + ms);
    return true;
}

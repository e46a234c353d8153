#include "dead_filter.h"

#include "units.h"

/* More than there will ever be, and what a number that is typed may be. */
#define DEAD_ID_MAX INT64_C(999999999999999)

static int check_text(const char *flag, const char *text, Error *reterr)
{
    if (strlen(text) > DEAD_TEXT_MAX)
        return error_set(reterr, ERROR_INVALID, "%s: at most %d bytes", flag, DEAD_TEXT_MAX);
    return 0;
}

int dead_filter_parse(const DeadOptions *options, const DeadWords *words, DeadFilter *ret_filter,
                      Error *reterr)
{
    *ret_filter = (DeadFilter){.tenant = options->tenant, .reason = options->reason};
    if (check_text("--tenant", options->tenant, reterr) < 0 ||
        check_text("--reason", options->reason, reterr) < 0)
        return -1;
    if (words->count > DEAD_IDS_MAX)
        return error_set(reterr, ERROR_INVALID, "more than %d ids: name the rest in another call",
                         DEAD_IDS_MAX);
    for (size_t i = 0; i < words->count; i++) {
        int64_t *id = &ret_filter->ids[ret_filter->id_count];
        bool known = false;

        if (count_parse(words->at[i], 1, DEAD_ID_MAX, id, reterr) < 0)
            return error_wrap(reterr, "a dead_id, as `dead list` shows it");
        for (size_t k = 0; k < ret_filter->id_count; k++)
            known = known || ret_filter->ids[k] == *id;
        ret_filter->id_count += known ? 0 : 1;
    }
    return 0;
}

int dead_filter_check_change(const DeadOptions *options, const DeadFilter *filter, Error *reterr)
{
    bool narrow = filter->id_count > 0 || filter->tenant[0] != '\0' || filter->reason[0] != '\0';

    if (!narrow && !options->all)
        return error_set(reterr, ERROR_INVALID,
                         "say which rows: their ids, --tenant, --reason, or --all");
    if (narrow && options->all)
        return error_set(reterr, ERROR_INVALID,
                         "--all means every dead row: leave it out, or the ids, --tenant and "
                         "--reason");
    return 0;
}

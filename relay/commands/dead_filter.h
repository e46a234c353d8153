/* Which rows a dead command means. Pure. */
#ifndef DEAD_FILTER_H
#define DEAD_FILTER_H

#include "dead_command.h"
#include "dead_rows.h"

/* ERROR_INVALID for what is no dead_id, or too much. */
int dead_filter_parse(const DeadOptions *options, const DeadWords *words, DeadFilter *ret_filter,
                      Error *reterr) MUST_CHECK;

/* For commands that change rows: ERROR_INVALID unless it is said which. */
int dead_filter_check_change(const DeadOptions *options, const DeadFilter *filter, Error *reterr)
    MUST_CHECK;

#endif

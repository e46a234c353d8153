#include "watch_rule.h"

#include "kube_status.h"

enum { QUIET = WATCH_NEVER_TELL };

/* An update of a CRD closes its watches and answers 429 for about a second; a server that is
 * rolled answers 503. Three such in a row are no news. */
static const WatchRule rules[WATCH_STATES][WATCH_ENDS] = {
    [WATCH_STREAM_LIST] =
        {
            [WATCH_SYNCED] = {WATCH_FOLLOW, false, QUIET, "all is told; the same stream goes on"},
            [WATCH_CLOSED] = {WATCH_PAGE_LIST, true, 1, "the stream ended before the list did"},
            [WATCH_SHORT] = {WATCH_PAGE_LIST, true, 1, "the stream ended before the list did"},
            [WATCH_GONE] = {WATCH_PAGE_LIST, true, 1, "the list became too old while it came"},
            [WATCH_AHEAD] = {WATCH_STREAM_LIST, true, 3, "the server has yet to catch up"},
            [WATCH_BUSY] = {WATCH_STREAM_LIST, true, 3, "the server asks us to wait"},
            [WATCH_AWAY] = {WATCH_STREAM_LIST, true, 0, "nobody there"},
            [WATCH_INVALID] = {WATCH_PAGE_LIST, false, QUIET, "the server cannot stream lists"},
            [WATCH_REFUSED] = {WATCH_STREAM_LIST, true, 0, "someone must act first"},
            [WATCH_GARBLED] = {WATCH_PAGE_LIST, true, 0, "perhaps a page can be read"},
        },
    [WATCH_PAGE_LIST] =
        {
            [WATCH_SYNCED] = {WATCH_FOLLOW, false, QUIET, "the list gave a version to follow"},
            [WATCH_CLOSED] = {WATCH_PAGE_LIST, true, 0, "a list has no such end"},
            [WATCH_SHORT] = {WATCH_PAGE_LIST, true, 0, "a list has no such end"},
            [WATCH_GONE] = {WATCH_PAGE_LIST, true, 3, "the list became too old between two pages"},
            [WATCH_AHEAD] = {WATCH_PAGE_LIST, true, 3, "the server has yet to catch up"},
            [WATCH_BUSY] = {WATCH_PAGE_LIST, true, 3, "the server asks us to wait"},
            [WATCH_AWAY] = {WATCH_PAGE_LIST, true, 0, "nobody there"},
            [WATCH_INVALID] = {WATCH_PAGE_LIST, true, 0, "begin again with the first page"},
            [WATCH_REFUSED] = {WATCH_PAGE_LIST, true, 0, "someone must act first"},
            [WATCH_GARBLED] = {WATCH_PAGE_LIST, true, 0, "perhaps smaller pages can be read"},
        },
    [WATCH_FOLLOW] =
        {
            [WATCH_SYNCED] = {WATCH_FOLLOW, false, QUIET, "it was already"},
            [WATCH_CLOSED] = {WATCH_FOLLOW, false, QUIET, "go on from the last version"},
            [WATCH_SHORT] = {WATCH_FOLLOW, true, 3, "go on, but not in a circle"},
            [WATCH_GONE] = {WATCH_STREAM_LIST, true, 3, "the server forgot our version"},
            [WATCH_AHEAD] = {WATCH_STREAM_LIST, true, 3, "another server, or a restored one"},
            [WATCH_BUSY] = {WATCH_FOLLOW, true, 3, "the server asks us to wait"},
            [WATCH_AWAY] = {WATCH_FOLLOW, true, 0, "nobody there; our version may still do"},
            [WATCH_INVALID] = {WATCH_STREAM_LIST, true, 0, "our version is no good"},
            [WATCH_REFUSED] = {WATCH_STREAM_LIST, true, 0, "someone must act first"},
            [WATCH_GARBLED] = {WATCH_STREAM_LIST, true, 0, "a list is always right, if slower"},
        },
};

const WatchRule *watch_rule(WatchState state, WatchEnd end)
{
    assert((size_t)state < WATCH_STATES && (size_t)end < WATCH_ENDS);
    const WatchRule *rule = &rules[state][end];

    assert(rule->why != NULL);
    return rule;
}

WatchEnd watch_end_of(int64_t http_code, const cJSON *status)
{
    if (kube_status_expired(http_code, status))
        return WATCH_GONE;
    if (kube_status_version_ahead(status))
        return WATCH_AHEAD;

    ErrorKind kind = kube_status_kind(http_code);
    if (kind == ERROR_BUSY)
        return WATCH_BUSY;
    return kind == ERROR_INVALID ? WATCH_INVALID : WATCH_REFUSED;
}

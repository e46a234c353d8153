/* The statements that fetch a batch: its transaction, its lanes, its rows. */
#ifndef FETCH_H
#define FETCH_H

#include "lanes.h"
#include "postgres.h"

/* Adds them to PART: BEGIN, the lanes, and so on. The result of statement FETCH_LANES_AT is the
 * list of lanes that were had; those with ROWSET_COLUMNS columns are rows. PARAMS is scratch. */
int fetch_add(Part *part, Params *params, const RoundPlan *plan, Error *reterr) MUST_CHECK;

enum { FETCH_LANES_AT = 1 };

/* Sets RET_TAKEN for each lane of the plan that is not in the list: another relay has it. */
void fetch_read_lanes(const PGresult *result, const RoundPlan *plan, bool *ret_taken);

/* True if the tenant may send only so many events a second. */
bool fetch_is_limited(const LanePlan *plan);

/* Any other statement closes the portal of the last one, which would hold its snapshot, and with
 * it vacuum, for as long as we wait for NATS. To be the last of each part within a transaction. */
int fetch_end_portal(Part *part, Error *reterr) MUST_CHECK;

#endif

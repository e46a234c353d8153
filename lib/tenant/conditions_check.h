/* The rules that other people's tools hold conditions to, as a check. The unit and end-to-end tests
 * ask it after every status; `bulkheadctl` may show it. Pure. */
#ifndef CONDITIONS_CHECK_H
#define CONDITIONS_CHECK_H

#include "json.h"
#include "text.h"

/* Adds a line to FINDINGS for each rule that OBJECT (a whole Tenant) breaks; true if none is.
 * Rules: those of Flux's conditions check, except that a suspended Tenant may be Ready=Unknown
 * without Reconciling, and the shape of metav1.Condition. */
bool conditions_check(const cJSON *object, Text *findings);

#endif

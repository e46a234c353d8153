/* A refusal of the API server, told to whoever sent the event: what concerns the event is said,
 * what concerns our own access goes to the log. Pure. */
#ifndef API_REFUSAL_H
#define API_REFUSAL_H

#include "problem.h"

/* 0 if the object is not as the patch assumes, so that looking again helps; else -1. STATUS may be
 * NULL. */
int api_refusal_read(int64_t http_code, const cJSON *status, Problem *retproblem) MUST_CHECK;

/* Kubernetes cannot be asked, or does not let us; WHY is for the log. */
void api_unavailable(const char *why, Problem *retproblem);

#endif

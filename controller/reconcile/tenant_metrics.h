/* The exact numbers of each tenant, for Prometheus: the status has them rounded and now and then.
 * One compact record a tenant, from which the samples are made at each scrape. Threads share it. */
#ifndef TENANT_METRICS_H
#define TENANT_METRICS_H

#include "conditions.h"
#include "observed.h"
#include "tenant.h"

/* Call once, from main. WHICH is a value of --metrics-per-tenant: full, top:N or off. */
void tenant_metrics_register(const char *which);

/* With top:N: has the next scrapes show the N tenants that have the most lag now, and of such with
 * the same lag those that come first by id. The lag of a tenant is the largest of its consumers':
 * events not given, or given and not acknowledged. Before each scrape. */
void tenant_metrics_choose(void);

void tenant_metrics_ready(const char *tenant_id, Outcome outcome);

/* The numbers of the stream and of the declared consumers, as OBSERVED; what it does not have any
 * more is forgotten. */
void tenant_metrics_count(const Tenant *tenant, const Observed *observed);

/* The tenant is gone. */
void tenant_metrics_forget(const char *tenant_id);

#endif

/* The exact numbers of each tenant, for Prometheus: the status has them rounded and now and then.
 */
#ifndef TENANT_METRICS_H
#define TENANT_METRICS_H

#include "conditions.h"
#include "observed.h"
#include "tenant.h"

/* Call once, from main. With FULL false no series of a tenant is ever made. */
void tenant_metrics_register(bool full);

void tenant_metrics_ready(const char *tenant_id, Outcome outcome);

/* The numbers of the stream and of the declared consumers. */
void tenant_metrics_count(const Tenant *tenant, const Observed *observed);

/* The tenant is gone, or one of its consumers: their series go. */
void tenant_metrics_forget(const char *tenant_id);
void tenant_metrics_forget_consumer(const char *tenant_id, const char *consumer);

#endif

/* What is said about each request: one line in the log, and the metrics. */
#ifndef AUDIT_H
#define AUDIT_H

#include "visit.h"

/* CODE 0: the client left, or never sent all of it. NOW_US as visit_new(). */
void audit_visit(const Visit *visit, unsigned code, int64_t now_us);

/* A replaced file was read again, or could not be. KIND is "secrets", "certificate", "templates".
 */
void audit_reload(const char *kind, bool ok);

void audit_register_metrics(void);

/* Gauges, for the moment when someone asks. */
typedef struct AuditGauges {
    size_t connections;
    size_t busy;
    size_t waiting;
} AuditGauges;

void audit_set_gauges(const AuditGauges *gauges);

#endif

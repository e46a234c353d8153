/* What a relay tells the controller about its outbox, as JSON on core NATS. Pure.
 *
 *   {"instance": "relay-7d9f-x2x4q", "database": "7251…/shop", "at": "2026-01-31T12:00:00.000000Z",
 *    "intervalMs": 5000, "after": "", "through": "",
 *    "tenants": [{"id": "acme", "pending": 12, "oldestPendingSeconds": 3, "dead": 0}]}
 *
 * A message speaks for every tenant whose id is above `after` and not above `through`, in the order
 * of strcmp ("" means from the first, and up to the last): one of them that is not listed has
 * nothing pending and nothing dead. So a large fleet fits into several
 * messages, each of which stands alone, and a lost one does no harm beyond its interval. */
#ifndef RELAY_REPORT_H
#define RELAY_REPORT_H

#include "base.h"
#include "error.h"
#include "json.h"
#include "subject.h"

#define RELAY_REPORT_SUBJECT     "bulkhead.relay.report."
#define RELAY_REPORT_SUBJECT_ALL RELAY_REPORT_SUBJECT "*"

enum {
    RELAY_REPORT_TENANTS_MAX = 500, /* in one message: below 80 KB */
    RELAY_REPORT_BYTES_MAX = 128 * 1024,
    RELAY_INSTANCE_MAX = 63,
    RELAY_DATABASE_MAX = 128,
    RELAY_AT_SIZE = 32,
    RELAY_REPORT_SUBJECT_SIZE = sizeof RELAY_REPORT_SUBJECT + RELAY_INSTANCE_MAX,
};

typedef struct RelayReportTenant {
    char id[TENANT_ID_MAX + 1];
    int64_t pending;        /* rows that are not published yet, of the whole outbox */
    int64_t oldest_seconds; /* that the oldest of them has waited; 0 without one    */
    int64_t dead;           /* rows that were given up, of the whole outbox         */
} RelayReportTenant;

typedef struct RelayReport {
    char instance[RELAY_INSTANCE_MAX + 1]; /* this process: the pod's name */
    char database[RELAY_DATABASE_MAX + 1]; /* the same in all relays of one outbox; no secrets */
    char at[RELAY_AT_SIZE];                /* RFC 3339 in UTC: when it was counted */
    int64_t interval_ms;                   /* until the next report; at least 1 */
    char after[TENANT_ID_MAX + 1];
    char through[TENANT_ID_MAX + 1];
    RelayReportTenant *tenants; /* ascending by id */
    size_t count;
} RelayReport;

/* Frees the tenants of a parsed one. Takes a zeroed one, too. */
void relay_report_done(RelayReport *report);

/* The subject for INSTANCE: what a subject token may not hold becomes '_', and it is cut. */
void relay_report_subject(const char *instance, char ret_subject[RELAY_REPORT_SUBJECT_SIZE]);

/* Fills the range and the tenants (borrowed) of *report with the next of TOTAL, of which DONE went
 * into earlier messages; TENANTS ascend by id. Returns how many are done now:
 *
 *     size_t done = 0;
 *     do {
 *         done = relay_report_slice(&report, tenants, total, done);
 *         ... relay_report_build(&report) ... publish ...
 *     } while (done < total);
 */
size_t relay_report_slice(RelayReport *report, RelayReportTenant *tenants, size_t total,
                          size_t done);

/* The message; the caller frees it. */
char *relay_report_build(const RelayReport *report) __attribute__((__returns_nonnull__));

/* ERROR_INVALID, with the member, for what relay_report_build does not make; members that are not
 * known are left aside. *ret_report is the caller's (relay_report_done). */
int relay_report_parse(const char *text, size_t length, RelayReport *ret_report, Error *reterr)
    MUST_CHECK;

#endif

/* How far a Tenant is, in the few words that an account system needs. Pure. */
#ifndef TENANT_STATE_H
#define TENANT_STATE_H

#include "json.h"

typedef enum TenantState {
    TENANT_PENDING,   /* not there yet, or waiting helps             */
    TENANT_READY,     /* usable                                      */
    TENANT_FAILED,    /* someone must act; the reason says who       */
    TENANT_SUSPENDED, /* its traffic is held, as an event asked for  */
} TenantState;

typedef struct TenantReport {
    TenantState state;
    const char *reason; /* CamelCase; these two are borrowed from the object or constant */
    const char *message;
} TenantReport;

/* What the conditions of OBJECT say about the generation that it has now. */
TenantReport tenant_report(const cJSON *object);

/* "Pending", "Ready", "Failed", "Suspended". */
const char *tenant_state_name(TenantState state);

/* The answer's body: id, account, state, reason, message, stream, conditions' times. The caller
 * frees it. */
char *tenant_report_body(const cJSON *object) __attribute__((__returns_nonnull__));

#endif

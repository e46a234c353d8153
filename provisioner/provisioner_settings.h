/* The provisioner's settings: the table behind its flags, variables, file keys and manual. */
#ifndef PROVISIONER_SETTINGS_H
#define PROVISIONER_SETTINGS_H

#include "settings.h"

typedef struct ProvisionerSettings {
    const char *kubeconfig;
    const char *listen;
    const char *webhook_listen;
    const char *tls_cert;
    const char *tls_key;
    const char *secret_file;
    const char *signature;
    const char *status_auth;
    const char *templates;
    const char *on_deleted;
    const char *on_unknown;
    const char *event_created;
    const char *event_updated;
    const char *event_suspended;
    const char *event_resumed;
    const char *event_deleted;
    const char *type_field;
    const char *time_field;
    const char *account_field;
    const char *plan_field;
    const char *trusted_proxies;
    const char *webhook_origins;
    const char *otlp_endpoint;
    const char *log_level;
    const char *log_format;
    int64_t tolerance_ms;
    int64_t event_max_age_ms;
    int64_t rate;
    int64_t rate_burst;
    int64_t workers;
    int64_t max_requests;
    int64_t max_waiting;
    int64_t max_wait_ms;
    int64_t max_body;
    int64_t connections;
    int64_t connections_per_source;
    int64_t request_timeout_ms;
} ProvisionerSettings;

extern const Program provisioner_program;

#endif

/* The controller's settings: the table behind its flags, variables, file keys and manual. */
#ifndef CONTROLLER_SETTINGS_H
#define CONTROLLER_SETTINGS_H

#include "connection.h"
#include "settings.h"

typedef struct ControllerSettings {
    NatsSettings nats;
    const char *system_creds;
    const char *system_url;
    const char *kubeconfig;
    int64_t kube_qps;
    int64_t kube_burst;
    const char *listen;
    const char *log_level;
    const char *log_format;
    const char *selector;
    const char *metrics_per_tenant;
    const char *lease_namespace;
    const char *lease_name;
    bool leader_elect;
    int64_t workers;
    int64_t resync_ms;
    int64_t status_interval_ms;
} ControllerSettings;

extern const Program controller_program;

#endif

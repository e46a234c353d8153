/* Tells the controller how many rows wait, on core NATS (relay_report.h).
 *
 * It has a connection of its own: no worker's end has to wait for it, nor it for a worker's. One
 * thread uses it, the one that measures. */
#ifndef REPORTER_H
#define REPORTER_H

#include "connection.h"
#include "measure.h"

typedef struct ReporterSettings {
    NatsSettings nats;
    const char *name;     /* of the client, as the server shows it */
    const char *instance; /* this process: the pod's name */
} ReporterSettings;

typedef struct Reporter Reporter;

/* As nats_connect: a server that is away is no error. */
int reporter_new(const ReporterSettings *settings, Reporter **ret_reporter, Error *reterr)
    MUST_CHECK;
void reporter_free(Reporter *self); /* takes NULL */

/* Sends what MEASURE counted while there is a connection, and forgets it otherwise: something newer
 * comes after INTERVAL_MS. Returns within seconds, also where the server has stopped reading, and
 * sooner where a stop is requested. */
void reporter_send(Reporter *self, const Measure *measure, int64_t interval_ms);

#endif

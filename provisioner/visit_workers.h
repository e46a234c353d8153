/* The workers: each takes a visit, talks to the API server, answers. */
#ifndef VISIT_WORKERS_H
#define VISIT_WORKERS_H

#include "provisioner.h"
#include "visit_queue.h"

typedef struct VisitWorkers VisitWorkers;

/* All three are borrowed until visit_workers_join(). */
VisitWorkers *visit_workers_start(VisitQueue *queue, Provisioner *provisioner, KubeClient *kube,
                                  size_t count) __attribute__((__returns_nonnull__));

/* After visit_queue_stop(). Takes NULL. */
void visit_workers_join(VisitWorkers *workers);

#endif

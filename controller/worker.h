/* The pool of threads that take tenants out of the dispatcher and reconcile them. */
#ifndef WORKER_H
#define WORKER_H

#include "dispatcher.h"
#include "reconcile.h"

typedef struct WorkerPool WorkerPool;

WorkerPool *workers_start(Dispatcher *dispatcher, Reconciler *reconciler, size_t count)
    __attribute__((__returns_nonnull__));

/* Waits until every worker has finished the pass that it is in; dispatcher_stop() comes first.
 * Takes NULL. */
void workers_join(WorkerPool *pool);

/* How long the longest pass that is under way has taken until now; 0 without one. */
int64_t workers_longest_ms(const WorkerPool *pool);

/* Sets the gauges of passes under way, which grow by themselves. */
void workers_measure(const WorkerPool *pool);

/* The names of controller-runtime where it has one. Call once, from main. */
void workers_register_metrics(size_t count);

#endif

/* Memory that is always there: these never return NULL.
 *
 * An allocation that fails ends the process with one line (ADR-0002): the state
 * lives in Kubernetes, JetStream and PostgreSQL, and a restart heals. A size that
 * the outside chose is checked before it comes here. Results are freed with free(). */
#ifndef ALLOC_H
#define ALLOC_H

#include "base.h"

void *xmalloc(size_t size) __attribute__((__malloc__, __returns_nonnull__));
void *xcalloc(size_t count, size_t size) __attribute__((__malloc__, __returns_nonnull__));
void *xrealloc(void *old, size_t size) __attribute__((__returns_nonnull__));
char *xstrdup(const char *text) __attribute__((__malloc__, __returns_nonnull__));
char *xstrndup(const char *text, size_t length) __attribute__((__malloc__, __returns_nonnull__));
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2)
    __attribute__((__malloc__, __returns_nonnull__));

#endif

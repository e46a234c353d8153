/* Begins a connection, with what a relay's connections have in common. */
#ifndef POSTGRES_START_H
#define POSTGRES_START_H

#include <libpq-fe.h>

/* OURS are options of the session ("-c name=value"), "" for none: they come before those of the
 * connection string or of PGOPTIONS, so that these have the last word. NULL: no memory. */
PGconn *postgres_start(const char *url, const char *ours);

#endif

/* What PostgreSQL's and libpq's errors mean. */
#ifndef POSTGRES_ERROR_H
#define POSTGRES_ERROR_H

#include <libpq-fe.h>

#include "error.h"

/* SQLSTATE -> kind. */
ErrorKind postgres_error_kind(const char *sqlstate);

/* The kind of a connection that was refused with TEXT: libpq gives no SQLSTATE for one. */
ErrorKind postgres_refusal_kind(const char *text);

/* True if TEXT is a pooler's word for options that are a session's. */
bool postgres_refuses_options(const char *text);

/* Both set RETERR to what the server or libpq says, in one line, and return -1. */
int postgres_conn_failed(const PGconn *conn, ErrorKind kind, Error *reterr);
int postgres_result_failed(const PGresult *result, Error *reterr);

#endif

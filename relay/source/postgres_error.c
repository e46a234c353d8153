#include "postgres_error.h"

#include "text.h"

static const struct {
    const char *prefix;
    ErrorKind kind;
} states[] = {
    {"08", ERROR_BUSY},           {"57P", ERROR_BUSY},      {"57014", ERROR_BUSY},
    {"53", ERROR_BUSY},           {"40", ERROR_BUSY},       {"55P03", ERROR_BUSY},
    {"25006", ERROR_BUSY},        {"25P0", ERROR_BUSY},     {"58", ERROR_BUSY},
    {"28", ERROR_DENIED},         {"42501", ERROR_DENIED},  {"3D000", ERROR_NOT_FOUND},
    {"42P01", ERROR_INVALID},     {"42703", ERROR_INVALID}, {"42883", ERROR_INVALID},
    {"0A000", ERROR_UNSUPPORTED},
};

ErrorKind postgres_error_kind(const char *sqlstate)
{
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        if (text_starts(sqlstate, states[i].prefix))
            return states[i].kind;
    }
    return ERROR_BUG;
}

/* libpq's messages have several lines; ours have one. */
static void one_line(const char *text, char *ret, size_t size)
{
    size_t used = 0;

    for (; *text != '\0' && used < size - 1; text++) {
        bool space = *text == '\n' || *text == '\t' || *text == ' ';

        if (space && (used == 0 || ret[used - 1] == ' '))
            continue;
        ret[used++] = *text;
        if (space)
            ret[used - 1] = ' ';
    }
    while (used > 0 && ret[used - 1] == ' ')
        used--;
    ret[used] = '\0';
}

int postgres_conn_failed(const PGconn *conn, ErrorKind kind, Error *reterr)
{
    char text[ERROR_TEXT_MAX];

    one_line(PQerrorMessage(conn), text, sizeof text);
    if (strstr(text, "certificate verify failed") != NULL)
        return error_set(
            reterr, kind,
            "%.300s: the server's certificate is not of an authority in sslrootcert, or "
            "it has expired",
            text);
    return error_set(reterr, kind, "%s", text[0] != '\0' ? text : "the connection broke");
}

int postgres_result_failed(const PGresult *result, Error *reterr)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char line[ERROR_TEXT_MAX];

    one_line(text != NULL ? text : PQresultErrorMessage(result), line, sizeof line);
    return error_set(reterr, state != NULL ? postgres_error_kind(state) : ERROR_BUSY, "%s (%s)",
                     line, state != NULL ? state : "no SQLSTATE");
}

ErrorKind postgres_refusal_kind(const char *text)
{
    if (strstr(text, "password") != NULL || strstr(text, "authentication") != NULL ||
        strstr(text, "pg_hba") != NULL || strstr(text, "permission denied") != NULL ||
        (strstr(text, "role \"") != NULL && strstr(text, "does not exist") != NULL))
        return ERROR_DENIED;
    if (strstr(text, "database \"") != NULL && strstr(text, "does not exist") != NULL)
        return ERROR_NOT_FOUND;
    return ERROR_BUSY;
}

bool postgres_refuses_options(const char *text)
{
    return strstr(text, "unsupported startup parameter") != NULL;
}

#include "bloat.h"

#include "inspect.h"

#define SQL_BLOAT                                                                                  \
    "SELECT coalesce(extract(epoch FROM clock_timestamp() - least((SELECT min(xact_start)"         \
    "  FROM pg_stat_activity WHERE datname = current_database()"                                   \
    "  AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)),"                                \
    " (SELECT min(prepared) FROM pg_prepared_xacts WHERE database = current_database()))), 0),"    \
    " coalesce((SELECT n_dead_tup FROM pg_stat_all_tables WHERE relid = to_regclass({'outbox'}))," \
    "  0)"

int bloat_measure(Postgres *postgres, const Mapping *mapping, Bloat *ret_bloat, Error *reterr)
{
    DEFER(defer_result) PGresult *result = NULL;

    if (inspect_ask(postgres, SQL_BLOAT, mapping, &result, reterr) < 0)
        return -1;
    ret_bloat->oldest_seconds = strtod(PQgetvalue(result, 0, 0), NULL);
    ret_bloat->dead_tuples = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
    return 0;
}

/* Where the outbox lies in a database, and what its columns are called there. Pure.
 *
 * A table that `migrate` made has the names and types of relay/schema/. One that an application
 * made is adopted: it may have other names, other types, more columns, and lack some of ours. */
#ifndef MAPPING_H
#define MAPPING_H

#include "base.h"
#include "error.h"

/* PostgreSQL cuts longer names; a table's leaves room for those of the tables beside it. */
enum { IDENTIFIER_MAX = 63, TABLE_NAME_MAX = 47 };

typedef enum Mapped {
    MAPPED_ID,
    MAPPED_TENANT_ID,
    MAPPED_EVENT_TYPE,
    MAPPED_PAYLOAD,
    MAPPED_HEADERS,
    MAPPED_MSG_ID,
    MAPPED_ORDERING_KEY,
    MAPPED_CREATED_AT,
    MAPPED_STATUS,
    MAPPED_ATTEMPTS,
    MAPPED_NEXT_ATTEMPT_AT,
    MAPPED_PUBLISHED_AT,
    MAPPED_LAST_ERROR,
    MAPPED_COUNT,
} Mapped;

/* As the options say; names are written as the catalogue has them, without quotes. */
typedef struct MappingNames {
    const char *table; /* "events" or "shop.events"; a name with a dot stands in double quotes */
    const char *columns[MAPPED_COUNT]; /* "": the table has none                                */
    const char *pending;               /* the values of status                                  */
    const char *published;
} MappingNames;

typedef struct Mapping {
    MappingNames names;
    char schema[IDENTIFIER_MAX + 1]; /* "": the first of the search path that has the table */
    char table[TABLE_NAME_MAX + 1];
    bool has[MAPPED_COUNT];
    bool adds[MAPPED_COUNT]; /* migrate is to add it                        */
    bool text_payload;       /* to be turned into bytes                     */
    bool adopted;            /* an application made the table, not migrate  */
} Mapping;

/* Our name of a column: "tenant_id". */
const char *mapped_name(Mapped column);

/* Borrows NAMES' texts. Until a table is looked at, it has what has a name, in our types.
 * ERROR_INVALID names the flag. */
int mapping_parse(const MappingNames *names, Mapping *ret_mapping, Error *reterr) MUST_CHECK;

/* True if the names are those of a table that migrate makes. */
bool mapping_is_ours(const Mapping *mapping);

typedef struct FoundColumn {
    const char *name;
    const char *type;  /* one word of the catalogue: "int8"; "enum"; "varchar(n)" with a limit */
    const char *shown; /* as people write it                                                   */
    bool not_null;
} FoundColumn;

/* Fits MAPPING to the columns that the table has; MIGRATING: those of the relay's own that it
 * lacks are going to be added. ERROR_INVALID names the column and says what to do. */
int mapping_fit(Mapping *mapping, const FoundColumn *found, size_t count, bool migrating,
                Error *reterr) MUST_CHECK;

/* "shop.events", for people. */
void mapping_shown(const Mapping *mapping, char *ret_text, size_t size);

#endif

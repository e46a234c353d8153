#include "mapping.h"

#include "text.h"

typedef enum Need {
    NEED_EVENT,    /* what the application writes: without it there is no event   */
    NEED_STATE,    /* what the relay writes: migrate adds it                      */
    NEED_NOTES,    /* ... and can do without                                      */
    NEED_OPTIONAL, /* what the application may write                              */
} Need;

#define WORDS    " text varchar varchar(n) bpchar uuid int2 int4 int8 "
#define NUMBERS  " int2 int4 int8 "
#define TEXT     " text varchar "
#define A_MOMENT " timestamptz "

/* By Mapped. */
static const struct {
    const char *name;
    Need need;
    bool not_null;
    const char *types; /* each between spaces */
} rules[MAPPED_COUNT] = {
    [MAPPED_ID] = {"id", NEED_STATE, true, NUMBERS},
    [MAPPED_TENANT_ID] = {"tenant_id", NEED_EVENT, true, WORDS},
    [MAPPED_EVENT_TYPE] = {"event_type", NEED_EVENT, false, WORDS "enum "},
    [MAPPED_PAYLOAD] = {"payload", NEED_EVENT, false, " bytea text varchar varchar(n) json jsonb "},
    [MAPPED_HEADERS] = {"headers", NEED_OPTIONAL, false, " jsonb json "},
    [MAPPED_MSG_ID] = {"msg_id", NEED_OPTIONAL, false, WORDS},
    [MAPPED_ORDERING_KEY] = {"ordering_key", NEED_OPTIONAL, false, WORDS},
    [MAPPED_CREATED_AT] = {"created_at", NEED_OPTIONAL, false, A_MOMENT "timestamp "},
    [MAPPED_STATUS] = {"status", NEED_STATE, true, WORDS "enum bool "},
    [MAPPED_ATTEMPTS] = {"attempts", NEED_STATE, true, NUMBERS},
    [MAPPED_NEXT_ATTEMPT_AT] = {"next_attempt_at", NEED_STATE, false, A_MOMENT},
    [MAPPED_PUBLISHED_AT] = {"published_at", NEED_NOTES, false, A_MOMENT},
    [MAPPED_LAST_ERROR] = {"last_error", NEED_NOTES, false, TEXT},
};

enum { FLAG_SIZE = 64, SHOWN_SIZE = 160 };

const char *mapped_name(Mapped column)
{
    return rules[column].name;
}

/* "--column-tenant-id" */
static void flag_of(Mapped column, char ret_flag[FLAG_SIZE])
{
    (void)snprintf(ret_flag, FLAG_SIZE, "--column-%s", rules[column].name);
    for (char *c = ret_flag; *c != '\0'; c++) {
        if (*c == '_')
            *c = '-';
    }
}

/* One part of a table's name, quoted or not; *AT moves behind it. */
static int read_part(const char **at, char *ret, size_t size, Error *reterr)
{
    bool quoted = **at == '"';
    const char *c = *at + (quoted ? 1 : 0);
    size_t length = 0;

    while (*c != '\0' && (quoted || *c != '.')) {
        if (quoted && c[0] == '"' && c[1] != '"')
            break;
        c += quoted && c[0] == '"' ? 1 : 0;
        if (length >= size - 1)
            return error_set(reterr, ERROR_INVALID,
                             "--table: a schema has at most %d bytes, a table at most %d, so that "
                             "the tables beside it can be named after it",
                             IDENTIFIER_MAX, TABLE_NAME_MAX);
        ret[length++] = *c++;
    }
    ret[length] = '\0';
    if (length == 0 || (quoted && *c != '"'))
        return error_set(reterr, ERROR_INVALID, "--table: want TABLE or SCHEMA.TABLE");
    *at = c + (quoted ? 1 : 0);
    return 0;
}

static int read_table(Mapping *mapping, Error *reterr)
{
    char first[IDENTIFIER_MAX + 1];
    const char *at = mapping->names.table;

    if (read_part(&at, first, sizeof first, reterr) < 0)
        return -1;
    mapping->schema[0] = '\0';
    if (*at == '.') {
        (void)snprintf(mapping->schema, sizeof mapping->schema, "%s", first);
        at++;
    } else {
        at = mapping->names.table;
    }
    if (read_part(&at, mapping->table, sizeof mapping->table, reterr) < 0)
        return -1;
    if (*at != '\0')
        return error_set(reterr, ERROR_INVALID,
                         "--table: want TABLE or SCHEMA.TABLE; a name that holds a dot stands in "
                         "double quotes");
    return 0;
}

static bool is_needed(Mapped column)
{
    return rules[column].need == NEED_EVENT || rules[column].need == NEED_STATE;
}

/* Several of these may be one column, such as the tenant that is the ordering key, too. */
static bool is_only_read(Mapped column)
{
    return rules[column].need == NEED_EVENT || rules[column].need == NEED_OPTIONAL;
}

static int check_name(const Mapping *mapping, Mapped column, Error *reterr)
{
    const char *name = mapping->names.columns[column];
    char flag[FLAG_SIZE];

    flag_of(column, flag);
    if (strlen(name) > IDENTIFIER_MAX)
        return error_set(reterr, ERROR_INVALID, "%s: a column's name has at most %d bytes", flag,
                         IDENTIFIER_MAX);
    if (name[0] == '\0' && is_needed(column))
        return error_set(reterr, ERROR_INVALID, "%s: the relay cannot do without this column",
                         flag);
    for (size_t i = 0; name[0] != '\0' && i < (size_t)column; i++) {
        char other[FLAG_SIZE];

        if (!text_eq(name, mapping->names.columns[i]) ||
            (is_only_read((Mapped)i) && is_only_read(column)))
            continue;
        flag_of((Mapped)i, other);
        return error_set(reterr, ERROR_INVALID, "%s and %s name the same column", other, flag);
    }
    return 0;
}

int mapping_parse(const MappingNames *names, Mapping *ret_mapping, Error *reterr)
{
    Mapping mapping = {.names = *names};

    if (read_table(&mapping, reterr) < 0)
        return -1;
    for (size_t i = 0; i < MAPPED_COUNT; i++) {
        if (check_name(&mapping, (Mapped)i, reterr) < 0)
            return -1;
        mapping.has[i] = names->columns[i][0] != '\0';
        mapping.adds[i] = mapping.has[i] && i != MAPPED_ID && !is_only_read((Mapped)i);
    }
    if (text_eq(names->pending, names->published))
        return error_set(reterr, ERROR_INVALID,
                         "--status-pending and --status-published are the same");
    mapping.adopted = !mapping_is_ours(&mapping);
    *ret_mapping = mapping;
    return 0;
}

bool mapping_is_ours(const Mapping *mapping)
{
    for (size_t i = 0; i < MAPPED_COUNT; i++) {
        if (!text_eq(mapping->names.columns[i], rules[i].name))
            return false;
    }
    return text_eq(mapping->names.pending, "pending") &&
           text_eq(mapping->names.published, "published");
}

void mapping_shown(const Mapping *mapping, char *ret_text, size_t size)
{
    (void)snprintf(ret_text, size, "%s%s%s", mapping->schema, mapping->schema[0] != '\0' ? "." : "",
                   mapping->table);
}

static const FoundColumn *find(const FoundColumn *found, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (text_eq(found[i].name, name))
            return &found[i];
    }
    return NULL;
}

static int missing(Mapping *mapping, Mapped column, bool migrating, Error *reterr)
{
    const char *name = mapping->names.columns[column];
    Need need = rules[column].need;
    bool named = !text_eq(name, rules[column].name);
    char table[SHOWN_SIZE];
    char flag[FLAG_SIZE];

    flag_of(column, flag);
    mapping_shown(mapping, table, sizeof table);
    mapping->adds[column] = migrating && !is_only_read(column);
    mapping->has[column] = mapping->adds[column];
    if (need == NEED_EVENT || (need == NEED_OPTIONAL && named))
        return error_set(reterr, ERROR_INVALID,
                         "table %s has no column \"%s\": say which one is the %s with %s", table,
                         name, rules[column].name, flag);
    if (migrating || (need != NEED_STATE && !named))
        return 0;
    return error_set(reterr, ERROR_INVALID,
                     "table %s has no column \"%s\" (%s): run 'bulkhead-relay migrate' with the "
                     "same flags, which adds it, or name another with %s",
                     table, name, rules[column].name, flag);
}

static bool type_allowed(Mapped column, const char *type)
{
    char word[IDENTIFIER_MAX + 3];

    (void)snprintf(word, sizeof word, " %s ", type);
    return strstr(rules[column].types, word) != NULL;
}

static int fit_column(Mapping *mapping, Mapped column, const FoundColumn *found, Error *reterr)
{
    char table[SHOWN_SIZE];
    char flag[FLAG_SIZE];

    flag_of(column, flag);
    mapping_shown(mapping, table, sizeof table);
    const char *types = rules[column].types + 1;
    if (!type_allowed(column, found->type))
        return error_set(
            reterr, ERROR_INVALID,
            "column \"%s\" of table %s has type %s; as %s the relay takes %.*s: change "
            "it, or name another with %s",
            found->name, table, found->shown, rules[column].name, (int)strlen(types) - 1, types,
            flag);
    if (rules[column].not_null && !found->not_null)
        return error_set(reterr, ERROR_INVALID,
                         "column \"%s\" of table %s may be NULL, and the relay would never find "
                         "such a row: ALTER TABLE ... ALTER COLUMN ... SET NOT NULL",
                         found->name, table);
    if (column == MAPPED_PAYLOAD)
        mapping->text_payload = !text_eq(found->type, "bytea");
    return 0;
}

int mapping_fit(Mapping *mapping, const FoundColumn *found, size_t count, bool migrating,
                Error *reterr)
{
    for (size_t i = 0; i < MAPPED_COUNT; i++) {
        const char *name = mapping->names.columns[i];
        const FoundColumn *one = find(found, count, name);

        mapping->has[i] = one != NULL;
        mapping->adds[i] = false;
        if (name[0] == '\0')
            continue;
        if (one == NULL && missing(mapping, (Mapped)i, migrating, reterr) < 0)
            return -1;
        if (one != NULL && fit_column(mapping, (Mapped)i, one, reterr) < 0)
            return -1;
    }
    return 0;
}

#include "sql_template.h"

enum { WORD_MAX = 40, QUALIFIED_MAX = 512 };

static void quote(const char *value, char mark, Text *text)
{
    text_add_bytes(text, &mark, 1);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == mark)
            text_add_bytes(text, &mark, 1);
        text_add_bytes(text, c, 1);
    }
    text_add_bytes(text, &mark, 1);
}

void sql_identifier(const char *name, Text *text)
{
    quote(name, '"', text);
}

/* A backslash means itself in a standard string, and something else where an old setting says so:
 * then it is written in the form that all servers read alike. */
void sql_literal(const char *value, Text *text)
{
    if (strchr(value, '\\') == NULL) {
        quote(value, '\'', text);
        return;
    }
    text_add(text, " E'");
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\'' || *c == '\\')
            text_add_bytes(text, c, 1);
        text_add_bytes(text, c, 1);
    }
    text_add(text, "'");
}

/* Our own names need no quotes, and stay readable in --print-schema. */
static void add_name(const char *name, const char *ours, Text *text)
{
    if (text_eq(name, ours))
        text_add(text, name);
    else
        sql_identifier(name, text);
}

static void add_table(const Mapping *mapping, const char *word, bool qualified, Text *text)
{
    const char *ours = strstr(word, "outbox");
    char name[IDENTIFIER_MAX + WORD_MAX];

    (void)snprintf(name, sizeof name, "%.*s%s%s", (int)(ours - word), word, mapping->table,
                   ours + strlen("outbox"));
    if (qualified && mapping->schema[0] != '\0') {
        sql_identifier(mapping->schema, text);
        text_add(text, ".");
    }
    add_name(name, word, text);
}

static int find_column(const char *word)
{
    for (int i = 0; i < MAPPED_COUNT; i++) {
        if (text_eq(word, mapped_name((Mapped)i)))
            return i;
    }
    return -1;
}

/* What the relay reads of a column, and what stands for one that is not there. %s: the column. No
 * value, however strange, may fail to be read: one row would stop all. */
static const struct {
    const char *form;
    const char *absent;
} values[MAPPED_COUNT] = {
    [MAPPED_ID] = {"%s::int8", NULL},
    [MAPPED_TENANT_ID] = {"%s::text", NULL},
    [MAPPED_EVENT_TYPE] = {"%s::text", NULL},
    [MAPPED_PAYLOAD] = {"%s::bytea", NULL},
    [MAPPED_HEADERS] = {"%s::text", "NULL::text"},
    [MAPPED_MSG_ID] = {"%s::text", NULL},
    /* longer ones would not fit into an index: those that begin alike keep their order, too */
    [MAPPED_ORDERING_KEY] = {"left(%s::text, 256)", "NULL::text"},
    /* an age must be a number of microseconds, which those of infinite or very far times are not */
    [MAPPED_CREATED_AT] =
        {"CASE WHEN %s > '-infinity' AND %s < '9999-01-01' THEN %s::timestamptz END",
         "NULL::timestamptz"},
    [MAPPED_STATUS] = {"%s::text", NULL},
    [MAPPED_ATTEMPTS] = {"least(%s, 31999)::int4", NULL},
    [MAPPED_NEXT_ATTEMPT_AT] = {"%s::timestamptz", NULL},
    [MAPPED_PUBLISHED_AT] = {"%s::timestamptz", "NULL::timestamptz"},
    [MAPPED_LAST_ERROR] = {"%s::text", "NULL::text"},
};

static void add_column(const Mapping *mapping, Mapped column, Text *text)
{
    add_name(mapping->names.columns[column], mapped_name(column), text);
}

static void add_value(const Mapping *mapping, const char *alias, Mapped column, Text *text);

/* The same row has the same id at each attempt, and another one has another, even where numbers
 * begin anew: the id and a digest of what is sent. */
static void add_made_msg_id(const Mapping *mapping, const char *alias, Text *text)
{
    add_value(mapping, alias, MAPPED_ID, text);
    text_add(text, " || '-' || left(encode(sha256(convert_to(concat_ws(E'\\n', ");
    add_value(mapping, alias, MAPPED_TENANT_ID, text);
    text_add(text, ", ");
    add_value(mapping, alias, MAPPED_EVENT_TYPE, text);
    text_add(text, ", ");
    add_value(mapping, alias, MAPPED_CREATED_AT, text);
    text_add(text, ", ");
    add_value(mapping, alias, MAPPED_PAYLOAD, text);
    text_add(text, "), 'UTF8')), 'hex'), 32)");
}

static void add_value(const Mapping *mapping, const char *alias, Mapped column, Text *text)
{
    bool converted = column == MAPPED_PAYLOAD && mapping->text_payload;

    if (!mapping->has[column] && column == MAPPED_MSG_ID) {
        add_made_msg_id(mapping, alias, text);
        return;
    }
    if (!mapping->has[column] && values[column].absent != NULL) {
        text_add(text, values[column].absent);
        return;
    }
    const char *form = converted ? "convert_to(%s::text, 'UTF8')" : values[column].form;
    for (const char *place; (place = strstr(form, "%s")) != NULL; form = place + strlen("%s")) {
        text_add_bytes(text, form, (size_t)(place - form));
        text_addf(text, "%s.", alias);
        add_column(mapping, column, text);
    }
    text_add(text, form);
}

static bool section_counts(const Mapping *mapping, const char *word)
{
    bool added = word[0] == '+';
    int column = find_column(word + (added ? 1 : 0));

    if (column < 0)
        return text_eq(word, "adopted") == mapping->adopted;
    return added ? mapping->adopted && mapping->adds[column] : mapping->has[column];
}

static void add_literal(const Mapping *mapping, const char *word, Text *text)
{
    DEFER(text_done) Text table = TEXT_MAX(QUALIFIED_MAX);

    if (text_eq(word, "pending") || text_eq(word, "published")) {
        sql_literal(text_eq(word, "pending") ? mapping->names.pending : mapping->names.published,
                    text);
        return;
    }
    if (find_column(word) >= 0) {
        sql_literal(mapping->names.columns[find_column(word)], text);
        return;
    }
    add_table(mapping, word, true, &table);
    sql_literal(text_get(&table), text);
}

/* What stands between the braces; false if that is nothing of ours. */
static bool add_placeholder(const Mapping *mapping, char *word, Text *text)
{
    char *dot = strchr(word, '.');
    int column = find_column(dot != NULL ? dot + 1 : word);
    size_t length = strlen(word);

    if (word[0] == '\'' && length > 2 && word[length - 1] == '\'') {
        word[length - 1] = '\0';
        add_literal(mapping, word + 1, text);
    } else if (word[0] == '~') {
        add_table(mapping, word + 1, false, text);
    } else if (column >= 0 && dot != NULL) {
        *dot = '\0';
        add_value(mapping, word, (Mapped)column, text);
    } else if (column >= 0) {
        add_column(mapping, (Mapped)column, text);
    } else if (strstr(word, "outbox") != NULL && strpbrk(word, " \"'") == NULL) {
        add_table(mapping, word, true, text);
    } else {
        return false;
    }
    return true;
}

/* Copies the word of a placeholder; the number of bytes with its braces, 0: it is none. */
static size_t read_word(const char *at, char ret_word[WORD_MAX])
{
    size_t length = strcspn(at + 1, "}");

    if (at[1 + length] != '}' || length == 0 || length >= WORD_MAX)
        return 0;
    memcpy(ret_word, at + 1, length);
    ret_word[length] = '\0';
    return length + 2;
}

/* Marks of a section that stand on a line of their own take the line with them. */
static const char *after_mark(const char *sql)
{
    return *sql == '\n' ? sql + 1 : sql;
}

/* Reads the placeholder that SQL begins with, or the brace that is none; what comes next. */
static const char *render_brace(const char *sql, const Mapping *mapping, Text *text)
{
    char word[WORD_MAX];
    size_t used = read_word(sql, word);
    const char *end = strstr(sql, "{/}");

    if (used > 0 && text_eq(word, "/"))
        return after_mark(sql + used);
    if (used > 0 && word[0] == '?' && end != NULL)
        return after_mark(section_counts(mapping, word + 1) ? sql + used : end + 3);
    if (used > 0 && add_placeholder(mapping, word, text))
        return sql + used;
    text_add(text, "{");
    return sql + 1;
}

void sql_render(const char *sql, const Mapping *mapping, Text *text)
{
    for (;;) {
        size_t plain = strcspn(sql, "{");

        text_add_bytes(text, sql, plain);
        if (sql[plain] == '\0')
            return;
        sql = render_brace(sql + plain, mapping, text);
    }
}

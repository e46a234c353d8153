#include "answer.h"
#include "dead_command.h"
#include "dead_filter.h"
#include "json.h"
#include "stop.h"
#include "text.h"

enum {
    LINES = 200,
    LINES_WITH_CONTENT = 8,
    CELL_MAX = 200,
    CELLS = 7,
    CELL_BYTES = 4 * CELL_MAX,
    LINE_BYTES = CELLS * (CELL_BYTES + 8)
};

static const struct {
    const char *head;
    int column;
} cells[CELLS] = {
    {"DEAD_ID", DEAD_ID},  {"DEAD_AT", DEAD_AT},    {"TENANT", DEAD_TENANT},
    {"TYPE", DEAD_TYPE},   {"REASON", DEAD_REASON}, {"ATTEMPTS", DEAD_ATTEMPTS},
    {"ERROR", DEAD_ERROR},
};

/* Texts come from anybody: nothing that a terminal would obey, and a bound. UTF-8 stays whole. */
static void cell_add(Text *line, const char *value, size_t *ret_width)
{
    size_t width = 0;

    for (const unsigned char *c = (const unsigned char *)value; *c != '\0' && width < CELL_MAX;) {
        size_t bytes = *c >= 0xF0 ? 4 : *c >= 0xE0 ? 3 : *c >= 0xC0 ? 2 : 1;
        bool control = *c < ' ' || *c == 0x7F || (*c == 0xC2 && c[1] < 0xA0);

        if (control || strnlen((const char *)c, bytes) < bytes)
            text_add(line, "?");
        else
            text_add_bytes(line, c, bytes);
        c += strnlen((const char *)c, bytes);
        width++;
    }
    *ret_width = width;
}

static size_t cell_width(const PGresult *rows, int row, size_t cell)
{
    DEFER(text_done) Text ignored = TEXT_MAX(CELL_BYTES + 8);
    size_t width = 0;

    cell_add(&ignored, PQgetvalue(rows, row, cells[cell].column), &width);
    return width;
}

static void pad(Text *line, size_t width, size_t want)
{
    for (; width < want + 2; width++)
        text_add(line, " ");
}

static void print_head(const size_t widths[CELLS])
{
    DEFER(text_done) Text line = TEXT_MAX(LINE_BYTES);

    for (size_t i = 0; i < CELLS; i++) {
        text_add(&line, cells[i].head);
        if (i + 1 < CELLS)
            pad(&line, strlen(cells[i].head), widths[i]);
    }
    (void)printf("%s\n", text_get(&line));
}

static void print_line(const PGresult *rows, int row, const size_t widths[CELLS])
{
    DEFER(text_done) Text line = TEXT_MAX(LINE_BYTES);

    for (size_t i = 0; i < CELLS; i++) {
        size_t width = 0;

        cell_add(&line, PQgetvalue(rows, row, cells[i].column), &width);
        if (i + 1 < CELLS)
            pad(&line, width, widths[i]);
    }
    (void)printf("%s\n", text_get(&line));
}

/* Columns are as wide as this page needs, and never narrower than the last one's. */
static void print_table(const PGresult *rows, bool first, size_t widths[CELLS])
{
    int count = PQntuples(rows);

    for (size_t i = 0; i < CELLS; i++) {
        if (first)
            widths[i] = strlen(cells[i].head);
        for (int row = 0; row < count; row++) {
            size_t width = cell_width(rows, row, i);

            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    if (first && count > 0)
        print_head(widths);
    for (int row = 0; row < count; row++)
        print_line(rows, row, widths);
}

static void set_text(cJSON *object, const char *name, const PGresult *rows, int row, int column)
{
    if (PQgetisnull(rows, row, column) == 0)
        json_set_text(object, name, PQgetvalue(rows, row, column));
}

static void set_number(cJSON *object, const char *name, const PGresult *rows, int row, int column)
{
    if (PQgetisnull(rows, row, column) == 0)
        json_set_int(object, name, strtoll(PQgetvalue(rows, row, column), NULL, 10));
}

static void print_json(const PGresult *rows, int row)
{
    DEFER(defer_json) cJSON *object = cJSON_CreateObject();

    set_number(object, "deadId", rows, row, DEAD_ID);
    set_text(object, "deadAt", rows, row, DEAD_AT);
    set_text(object, "reason", rows, row, DEAD_REASON);
    set_text(object, "error", rows, row, DEAD_ERROR);
    set_text(object, "tenant", rows, row, DEAD_TENANT);
    set_text(object, "eventType", rows, row, DEAD_TYPE);
    set_number(object, "attempts", rows, row, DEAD_ATTEMPTS);
    set_number(object, "id", rows, row, DEAD_ROW_ID);
    set_text(object, "orderingKey", rows, row, DEAD_KEY);
    set_text(object, "messageId", rows, row, DEAD_MSG_ID);
    set_text(object, "createdAt", rows, row, DEAD_CREATED_AT);
    set_text(object, "headers", rows, row, DEAD_HEADERS);
    set_text(object, "payload", rows, row, DEAD_PAYLOAD);
    DEFER(defer_free) char *text = json_print(object);
    (void)fputs(text, stdout);
}

/* An array, a row a line. */
static void print_json_page(const PGresult *rows, bool first)
{
    int count = PQntuples(rows);

    for (int row = 0; row < count; row++) {
        (void)fputs(first && row == 0 ? "[" : ",\n ", stdout);
        print_json(rows, row);
    }
}

typedef struct List {
    Session session;
    DeadFilter filter;
    int64_t after;
    int64_t shown;
    size_t widths[CELLS];
} List;

static int print_page(List *self, const DeadPage *page, bool json, int *ret_count, Error *reterr)
{
    DEFER(defer_result) PGresult *rows = NULL;
    bool first = self->shown == 0;

    if (dead_rows_list(&self->session, page, &rows, reterr) < 0)
        return -1;
    *ret_count = PQntuples(rows);
    if (json)
        print_json_page(rows, first);
    else
        print_table(rows, first, self->widths);
    if (*ret_count > 0)
        self->after = strtoll(PQgetvalue(rows, *ret_count - 1, DEAD_ID), NULL, 10);
    self->shown += *ret_count;
    return answer_flush(reterr);
}

/* One more than shown is asked for in the end, to know whether there are more. */
static int print_all(List *self, const DeadOptions *options, bool *ret_more, Error *reterr)
{
    int64_t lines = options->payload ? LINES_WITH_CONTENT : LINES;
    DeadPage page = {.filter = &self->filter, .content = options->payload};
    DEFER(defer_result) PGresult *next = NULL;
    int count = 1;

    while (count > 0 && self->shown < options->limit && !stop_requested()) {
        page.most = (size_t)min_i64(lines, options->limit - self->shown);
        page.after = self->after;
        if (print_page(self, &page, text_eq(options->output, "json"), &count, reterr) < 0)
            return -1;
    }
    page = (DeadPage){.filter = &self->filter, .after = self->after, .most = 1};
    if (count > 0 && dead_rows_list(&self->session, &page, &next, reterr) < 0)
        return -1;
    *ret_more = count > 0 && PQntuples(next) > 0;
    return 0;
}

static int run(List *self, const OutboxSettings *outbox, const DeadOptions *options, Error *reterr)
{
    bool json = text_eq(options->output, "json");
    bool more = false;

    if (session_open(&self->session, outbox, reterr) < 0 ||
        print_all(self, options, &more, reterr) < 0)
        return -1;
    if (json)
        (void)fputs(self->shown == 0 ? "[]\n" : "]\n", stdout);
    else if (self->shown == 0)
        (void)fputs("no dead rows\n", stderr);
    if (more)
        (void)fprintf(stderr, "there are more: --limit=%" PRId64 " ended the list\n",
                      options->limit);
    return answer_flush(reterr);
}

int dead_list(const OutboxSettings *outbox, const DeadOptions *options, const DeadWords *words,
              Error *reterr)
{
    static List self;

    if (dead_filter_parse(options, words, &self.filter, reterr) < 0)
        return -1;
    if (options->payload && !text_eq(options->output, "json"))
        return error_set(reterr, ERROR_INVALID,
                         "--payload: headers and payloads are shown with --output=json alone");
    int r = session_ended(run(&self, outbox, options, reterr), reterr);
    if (r < 0 && reterr->kind == ERROR_INVALID && self.session.postgres != NULL)
        reterr->kind = ERROR_NOT_FOUND; /* no wrong usage */
    session_done(&self.session);
    return r;
}

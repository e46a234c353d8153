#include "isolation.h"

#include "alloc.h"
#include "map.h"
#include "text.h"

enum { TOKENS_MAX = 64 };

struct Isolation {
    Map *findings; /* Text, by tenant */
    Text all;      /* on every tenant, except the one whose stream it is */
};

/* The stream that is being looked at. */
typedef struct Look {
    Isolation *self;
    const char *stream;
    char owner[TENANT_ID_MAX + 1]; /* the tenant whose stream it is; "" : nobody's */
} Look;

Isolation *isolation_new(void)
{
    Isolation *self = xcalloc(1, sizeof *self);

    self->findings = map_new();
    self->all = TEXT_MAX(INTRUDERS_SIZE - 1);
    return self;
}

void isolation_free(Isolation *self)
{
    if (self == NULL)
        return;
    for (MapEntry *at = NULL; (at = map_next(self->findings, at)) != NULL;) {
        text_done(map_value(at));
        free(map_value(at));
    }
    map_free(self->findings);
    text_done(&self->all);
    free(self);
}

static Text *findings_on(Isolation *self, const char *tenant_id)
{
    Text *text = map_get(self->findings, tenant_id);

    if (text != NULL)
        return text;
    text = xcalloc(1, sizeof *text);
    *text = TEXT_MAX(INTRUDERS_SIZE - 1);
    map_add(self->findings, tenant_id, text);
    return text;
}

static void add(const Look *look, Text *text, const char *what, const char *subject)
{
    text_addf(text, "%sstream %.64s %s%s%.64s", text->length > 0 ? "; " : "", look->stream, what,
              *subject != '\0' ? " " : "", subject);
}

static void add_finding(const Look *look, const char *tenant_id, const char *what,
                        const char *subject)
{
    if (!text_eq(tenant_id, look->owner))
        add(look, findings_on(look->self, tenant_id), what, subject);
}

/* The length of the token that TEXT begins with. */
static size_t token_length(const char *text)
{
    return strcspn(text, ".");
}

/* True if a token may stand for any: a wildcard, or a place that a mapping fills in. */
static bool is_wild(const char *token, size_t length)
{
    const char *filled = strstr(token, "{{");

    return (length == 1 && (*token == '*' || *token == '>')) || *token == '$' ||
           (filled != NULL && filled < token + length);
}

/* SUBJECT is what a stream takes in or writes to: does it reach below tenant.<id>. ? */
static void check_subject(const Look *look, const char *subject, const char *what)
{
    static const char first[] = "tenant";
    size_t length = token_length(subject);
    bool literal = length == strlen(first) && strncmp(subject, first, length) == 0;
    char tenant_id[TENANT_ID_MAX + 1];

    if (!literal && !is_wild(subject, length))
        return;
    if (text_eq(subject, ">") || (!literal && subject[length] == '\0')) {
        /* A single '*' is one token, and no tenant's subject. */
        if (!text_eq(subject, "*"))
            add(look, &look->self->all, what, subject);
        return;
    }
    if (subject[length] == '\0')
        return;
    const char *second = subject + length + 1;
    size_t second_length = token_length(second);

    if (is_wild(second, second_length)) {
        add(look, &look->self->all, what, subject);
        return;
    }
    if (second_length > TENANT_ID_MAX)
        return;
    memcpy(tenant_id, second, second_length);
    tenant_id[second_length] = '\0';
    if (tenant_id_valid(tenant_id))
        add_finding(look, tenant_id, what, subject);
}

/* ORIGIN is a mirror or a source. One of another account or domain only has the same name. */
static void check_origin(const Look *look, const cJSON *origin, const char *what)
{
    char tenant_id[TENANT_ID_MAX + 1];
    const cJSON *transform = NULL;

    if (stream_tenant(json_text(origin, "name", ""), tenant_id) &&
        json_at(origin, "external") == NULL)
        add_finding(look, tenant_id, what, "");
    cJSON_ArrayForEach (transform, json_at(origin, "subject_transforms")) {
        check_subject(look, json_text(transform, "dest", ""), "stores its copies as");
    }
}

void isolation_add(Isolation *self, const cJSON *config)
{
    Look look = {.self = self, .stream = json_text(config, "name", "")};
    const cJSON *item = NULL;

    (void)stream_tenant(look.stream, look.owner);
    cJSON_ArrayForEach (item, json_at(config, "subjects")) {
        check_subject(&look, json_text(item, "", ""), "takes");
    }
    check_subject(&look, json_text(config, "republish.dest", ""), "republishes to");
    check_subject(&look, json_text(config, "subject_transform.dest", ""), "stores its events as");
    check_origin(&look, json_at(config, "mirror"), "mirrors its stream");
    cJSON_ArrayForEach (item, json_at(config, "sources")) {
        check_origin(&look, item, "copies its stream");
    }
}

void isolation_find(const Isolation *self, const char *tenant_id, char ret[INTRUDERS_SIZE])
{
    static const Text none;
    const Text *own = map_get(self->findings, tenant_id);
    const char *mine = text_get(own != NULL ? own : &none);
    const char *all = text_get(&self->all);

    (void)snprintf(ret, INTRUDERS_SIZE, "%s%s%s", mine, *mine != '\0' && *all != '\0' ? "; " : "",
                   all);
}

static const char *finding(const Isolation *self, const char *tenant_id)
{
    const Text *text = self != NULL ? map_get(self->findings, tenant_id) : NULL;

    return text != NULL ? text_get(text) : "";
}

void isolation_compare(const Isolation *a, const Isolation *b,
                       void (*changed)(void *context, const char *tenant_id), void *context)
{
    const Isolation *const both[] = {a, b};

    if (!text_eq(a != NULL ? text_get(&a->all) : "", text_get(&b->all)))
        changed(context, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        for (MapEntry *at = NULL;
             both[i] != NULL && (at = map_next(both[i]->findings, at)) != NULL;) {
            /* What A has was compared when it was A's turn. */
            bool done = i == 1 && a != NULL && map_get(a->findings, map_key(at)) != NULL;

            if (!done && !text_eq(finding(a, map_key(at)), finding(b, map_key(at))))
                changed(context, map_key(at));
        }
    }
}

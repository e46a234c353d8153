#include "postgres_start.h"

#include "alloc.h"

enum { KEYWORDS_MAX = 24 };

DEFINE_DEFER(PQconninfoOption *, defer_conninfo, PQconninfoFree)

/* What the connection string says about options. The caller frees it. */
static char *given_options(const char *url)
{
    DEFER(defer_conninfo) PQconninfoOption *options = PQconninfoParse(url, NULL);

    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        if (text_eq(o->keyword, "options") && o->val != NULL)
            return xstrdup(o->val);
    }
    return NULL;
}

typedef struct Keywords {
    const char *names[KEYWORDS_MAX];
    const char *values[KEYWORDS_MAX];
    size_t count;
} Keywords;

static void keyword_add(Keywords *keywords, const char *name, const char *value)
{
    assert(keywords->count < KEYWORDS_MAX - 1);
    keywords->names[keywords->count] = name;
    keywords->values[keywords->count++] = value;
}

PGconn *postgres_start(const char *url, const char *ours)
{
    DEFER(defer_free) char *given = given_options(url);
    const char *from_environment = getenv("PGOPTIONS");
    DEFER(defer_free) char *options = NULL;
    Keywords keywords = {0};

    if (given == NULL && from_environment != NULL)
        given = xstrdup(from_environment);
    options = xasprintf("%s%s%s", ours, ours[0] != '\0' ? " " : "", given != NULL ? given : "");
    keyword_add(&keywords, "target_session_attrs", "read-write");
    keyword_add(&keywords, "tcp_user_timeout", "10000");
    keyword_add(&keywords, "keepalives_idle", "5");
    keyword_add(&keywords, "keepalives_interval", "2");
    keyword_add(&keywords, "keepalives_count", "3");
    keyword_add(&keywords, "fallback_application_name", "bulkhead-relay");
    keyword_add(&keywords, "client_encoding", "UTF8");
    keyword_add(&keywords, "dbname", url);
    if (options[0] != '\0')
        keyword_add(&keywords, "options", options);
    return PQconnectStartParams(keywords.names, keywords.values, 1);
}

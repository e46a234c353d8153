#include "template.h"

#include <math.h>

#include "account_event.h"
#include "alloc.h"
#include "tenant.h"
#include "text.h"

enum { DEPTH_MAX = 32, VALUE_MAX = 4096, PATH_SIZE = 256, PART_MAX = 120 };

void templates_init(Templates *templates)
{
    *templates = (Templates){.documents = cJSON_CreateArray()};
}

void templates_done(Templates *templates)
{
    cJSON_Delete(templates->documents);
    *templates = (Templates){0};
}

const Template *template_find(const Templates *templates, const char *plan)
{
    for (size_t i = 0; i < templates->count; i++) {
        if (text_eq(templates->items[i].plan, plan))
            return &templates->items[i];
    }
    return NULL;
}

/* Every member of OBJECT is one of NAMES. */
static int members_check(const cJSON *object, const char *where, const char *const *names,
                         Error *reterr)
{
    const cJSON *member = NULL;

    if (!cJSON_IsObject(object))
        return error_set(reterr, ERROR_INVALID, "%s must be an object", where);
    cJSON_ArrayForEach (member, object) {
        size_t i = 0;

        while (names[i] != NULL && !text_eq(names[i], member->string))
            i++;
        if (names[i] == NULL)
            return error_set(reterr, ERROR_INVALID, "%s must not have '%.80s'", where,
                             member->string);
    }
    return 0;
}

static int metadata_check(const cJSON *metadata, Error *reterr)
{
    static const char *const names[] = {"labels", "annotations", NULL};
    const cJSON *annotation = NULL;

    if (metadata == NULL)
        return 0;
    if (members_check(metadata, "tenant.metadata", names, reterr) < 0)
        return -1;
    cJSON_ArrayForEach (annotation, json_at(metadata, "annotations")) {
        if (text_starts(annotation->string, TEMPLATE_OWN_PREFIX))
            return error_set(reterr, ERROR_INVALID,
                             "the annotation '%.80s' is written by the program",
                             annotation->string);
    }
    return 0;
}

/* Neither needs to be there, but someone who writes another means something else. */
static int type_check(const cJSON *tenant, Error *reterr)
{
    const char *version = json_text(tenant, "apiVersion", TENANT_API_VERSION);
    const char *kind = json_text(tenant, "kind", TENANT_KIND);

    if (!text_eq(version, TENANT_API_VERSION))
        return error_set(reterr, ERROR_INVALID,
                         "tenant.apiVersion must be " TENANT_API_VERSION ", not '%.80s'", version);
    if (!text_eq(kind, TENANT_KIND))
        return error_set(reterr, ERROR_INVALID, "tenant.kind must be " TENANT_KIND ", not '%.80s'",
                         kind);
    return 0;
}

/* Whether a Tenant is suspended is what the events say. */
static int tenant_check(const cJSON *tenant, Error *reterr)
{
    static const char *const names[] = {"apiVersion", "kind", "metadata", "spec", NULL};

    if (members_check(tenant, "tenant", names, reterr) < 0 || type_check(tenant, reterr) < 0 ||
        metadata_check(json_at(tenant, "metadata"), reterr) < 0)
        return -1;
    if (!cJSON_IsObject(json_at(tenant, "spec")))
        return error_set(reterr, ERROR_INVALID, "tenant.spec must be an object");
    if (json_at(tenant, "spec.mode") != NULL)
        return error_set(reterr, ERROR_INVALID, "tenant.spec.mode is set by the events");
    return 0;
}

/* No event names a longer one. */
static int plan_check(const Templates *templates, const char *plan, Error *reterr)
{
    if (*plan == '\0')
        return error_set(reterr, ERROR_INVALID, "a template must have 'plan', a text");
    if (strlen(plan) > EVENT_PLAN_MAX)
        return error_set(reterr, ERROR_INVALID, "'plan' must have at most %d bytes: '%.100s'",
                         EVENT_PLAN_MAX, plan);
    if (template_find(templates, plan) != NULL)
        return error_set(reterr, ERROR_INVALID, "the plan '%s' has two templates", plan);
    return 0;
}

static int sample_check(const cJSON *sample, Error *reterr)
{
    if (sample == NULL || cJSON_IsObject(sample))
        return 0;
    return error_set(reterr, ERROR_INVALID, "sample must be an object");
}

static int template_add(Templates *templates, const cJSON *document, Error *reterr)
{
    static const char *const names[] = {"plan", "sample", "tenant", NULL};
    const char *plan = json_text(document, "plan", "");

    if (members_check(document, "a template", names, reterr) < 0 ||
        plan_check(templates, plan, reterr) < 0)
        return -1;
    if (templates->count == TEMPLATES_MAX)
        return error_set(reterr, ERROR_INVALID, "more than %d templates", TEMPLATES_MAX);
    if (sample_check(json_at(document, "sample"), reterr) < 0 ||
        tenant_check(json_at(document, "tenant"), reterr) < 0)
        return error_wrap(reterr, "the template of plan '%.64s'", plan);
    templates->items[templates->count++] = (Template){
        .plan = plan,
        .sample = json_at(document, "sample"),
        .tenant = json_at(document, "tenant"),
    };
    return 0;
}

int templates_add(Templates *templates, cJSON *documents, Error *reterr)
{
    const cJSON *document = NULL;

    (void)cJSON_AddItemToArray(templates->documents, documents);
    cJSON_ArrayForEach (document, documents) {
        if (template_add(templates, document, reterr) < 0)
            return -1;
    }
    return 0;
}

/* "data.region:-eu" at AT (behind "${"): the path and what stands for it where it is missing. */
typedef struct Place {
    char path[PATH_SIZE];
    bool has_fallback;
    const char *fallback;
    size_t fallback_length;
    const char *end; /* behind the '}' */
} Place;

static bool path_fits(const char *path)
{
    for (const char *at = path; *at != '\0';) {
        size_t part = strcspn(at, ".");

        if (part == 0 || part > PART_MAX)
            return false;
        at += part + (at[part] == '.' ? 1 : 0);
    }
    return *path != '\0';
}

static bool place_parse(const char *at, Place *ret_place)
{
    const char *close = strchr(at, '}');
    const char *dash = strstr(at, ":-");

    if (close == NULL)
        return false;
    *ret_place = (Place){.has_fallback = dash != NULL && dash < close, .end = close + 1};
    const char *path_end = ret_place->has_fallback ? dash : close;
    if ((size_t)(path_end - at) >= sizeof ret_place->path)
        return false;
    memcpy(ret_place->path, at, (size_t)(path_end - at));
    if (ret_place->has_fallback) {
        ret_place->fallback = dash + 2;
        ret_place->fallback_length = (size_t)(close - ret_place->fallback);
    }
    return path_fits(ret_place->path);
}

/* The value of a place; the caller's. NULL where the event has none and there is no fallback. */
static cJSON *place_value(const Place *place, const TemplateValues *values)
{
    const cJSON *item = json_at(values->root, place->path);

    if (text_eq(place->path, "account"))
        return cJSON_CreateString(values->account);
    if (text_eq(place->path, "plan"))
        return cJSON_CreateString(values->plan);
    if (text_eq(place->path, "tenant"))
        return cJSON_CreateString(values->tenant);
    if (cJSON_IsString(item) || cJSON_IsBool(item))
        return cJSON_Duplicate(item, false);
    if (cJSON_IsNumber(item)) {
        int64_t number = json_int(item, "", INT64_MIN);

        return number != INT64_MIN ? json_new_int(number) : cJSON_Duplicate(item, false);
    }
    if (!place->has_fallback)
        return NULL;
    DEFER(defer_free) char *fallback = xstrndup(place->fallback, place->fallback_length);
    return cJSON_CreateString(fallback);
}

static void value_add(Text *text, const cJSON *value)
{
    DEFER(defer_free) char *printed = cJSON_IsString(value) ? NULL : json_print(value);

    text_add(text, printed != NULL ? printed : value->valuestring);
}

/* Where a template goes wrong, for the message. */
typedef struct Expansion {
    const Template *template;
    const TemplateValues *values;
    Problem *retproblem;
} Expansion;

static int place_fill(const Expansion *expansion, const char *at, Place *ret_place,
                      cJSON **ret_value)
{
    if (!place_parse(at, ret_place))
        return problem_set(expansion->retproblem, PROBLEM_REFUSED,
                           "the template of plan '%.64s' has a place that cannot be read at "
                           "'${%.40s'",
                           expansion->template->plan, at);
    *ret_value = place_value(ret_place, expansion->values);
    if (*ret_value == NULL)
        return problem_set(expansion->retproblem, PROBLEM_INCOMPLETE_EVENT,
                           "the template of plan '%.64s' needs the field '%.100s'",
                           expansion->template->plan, ret_place->path);
    return 0;
}

/* "a-${x}-b"; "$$" is a '$'. */
static int text_fill(const Expansion *expansion, const char *pattern, Text *text)
{
    for (const char *at = pattern; *at != '\0';) {
        size_t plain = strcspn(at, "$");

        text_add_bytes(text, at, plain);
        at += plain;
        if (at[0] == '$' && at[1] == '{') {
            Place place;
            DEFER(defer_json) cJSON *value = NULL;

            if (place_fill(expansion, at + 2, &place, &value) < 0)
                return -1;
            value_add(text, value);
            at = place.end;
        } else if (at[0] == '$') {
            text_add(text, "$");
            at += at[1] == '$' ? 2 : 1;
        }
    }
    if (text->full)
        return problem_set(expansion->retproblem, PROBLEM_REFUSED,
                           "a text of the template of plan '%.64s' becomes longer than %d bytes",
                           expansion->template->plan, VALUE_MAX);
    return 0;
}

/* A text that is one place and nothing else keeps the type of the event's field. */
static int string_expand(const Expansion *expansion, const char *pattern, cJSON **ret_value)
{
    DEFER(text_done) Text text = TEXT_MAX(VALUE_MAX);
    Place place;

    if (text_starts(pattern, "${") && place_parse(pattern + 2, &place) && *place.end == '\0')
        return place_fill(expansion, pattern + 2, &place, ret_value);
    if (text_fill(expansion, pattern, &text) < 0)
        return -1;
    *ret_value = cJSON_CreateString(text_get(&text));
    return 0;
}

/* Recursion is over the operator's template, which the reader bounds, and DEPTH here. */
static int value_expand(const Expansion *expansion, const cJSON *item, int depth, cJSON **ret_value)
{
    DEFER(defer_json) cJSON *made = NULL;
    const cJSON *child = NULL;

    if (cJSON_IsString(item))
        return string_expand(expansion, item->valuestring, ret_value);
    if (!cJSON_IsObject(item) && !cJSON_IsArray(item)) {
        *ret_value = cJSON_Duplicate(item, false);
        return 0;
    }
    if (depth == DEPTH_MAX)
        return problem_set(expansion->retproblem, PROBLEM_REFUSED,
                           "the template of plan '%.64s' nests too deep",
                           expansion->template->plan);
    made = cJSON_IsObject(item) ? cJSON_CreateObject() : cJSON_CreateArray();
    cJSON_ArrayForEach (child, item) {
        cJSON *value = NULL;

        if (value_expand(expansion, child, depth + 1, &value) < 0)
            return -1;
        if (cJSON_IsObject(item))
            json_set(made, child->string, value);
        else
            (void)cJSON_AddItemToArray(made, value);
    }
    *ret_value = TAKE(made);
    return 0;
}

static const cJSON *or_empty(const cJSON *item, const cJSON *empty)
{
    return item != NULL ? item : empty;
}

int template_expand(const Template *template, const TemplateValues *values, cJSON **ret_body,
                    Problem *retproblem)
{
    const Expansion expansion = {template, values, retproblem};
    DEFER(defer_json) cJSON *empty = cJSON_CreateObject();
    DEFER(defer_json) cJSON *body = cJSON_CreateObject();
    cJSON *metadata = NULL;
    cJSON *spec = NULL;

    if (value_expand(&expansion, or_empty(json_at(template->tenant, "metadata"), empty), 0,
                     &metadata) < 0)
        return -1;
    json_set(body, "metadata", metadata);
    if (value_expand(&expansion, json_at(template->tenant, "spec"), 0, &spec) < 0)
        return -1;
    json_set(body, "spec", spec);
    *ret_body = TAKE(body);
    return 0;
}

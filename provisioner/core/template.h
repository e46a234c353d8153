/* Templates: what a Tenant of a plan looks like, with places for fields of the event.
 *
 *     plan: starter                        # or "default", for an event that names none
 *     sample: {data: {quota: 1Gi}}         # an event, for the check when the program starts
 *     tenant:
 *       metadata: {labels: {region: "${data.region:-eu}"}}
 *       spec: {stream: {maxBytes: "${data.quota}"}}
 *
 * A place is filled in the parsed value, so that no event can change a template's structure. Pure.
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include "error.h"
#include "json.h"
#include "problem.h"

/* Annotations of this prefix are ours; a template has none of them. */
#define TEMPLATE_OWN_PREFIX "bulkhead.dev/"
#define TEMPLATE_DEFAULT    "default"

enum { TEMPLATES_MAX = 256 };

typedef struct Template {
    const char *plan;    /* these are borrowed from the document */
    const cJSON *sample; /* NULL: none */
    const cJSON *tenant;
} Template;

typedef struct Templates {
    cJSON *documents; /* an array; owned */
    Template items[TEMPLATES_MAX];
    size_t count;
} Templates;

/* What `${...}` can name: these words, and any path into the event. */
typedef struct TemplateValues {
    const char *account;
    const char *plan;
    const char *tenant;
    const cJSON *root;
} TemplateValues;

void templates_init(Templates *templates);
void templates_done(Templates *templates);

/* Adds the templates of a file. DOCUMENTS (yaml_parse()) is taken over in either case.
 * ERROR_INVALID, naming the plan, for what cannot be a template. */
int templates_add(Templates *templates, cJSON *documents, Error *reterr) MUST_CHECK;

/* The template of PLAN, or NULL. */
const Template *template_find(const Templates *templates, const char *plan);

/* metadata (labels, annotations) and spec of the Tenant; the caller's. PROBLEM_INCOMPLETE_EVENT
 * where the event lacks a field that has no default. */
int template_expand(const Template *template, const TemplateValues *values, cJSON **ret_body,
                    Problem *retproblem) MUST_CHECK;

#endif

/* The templates of plans from a text, for the tests of what an event makes of a Tenant. */
#ifndef PLAN_TEMPLATES_H
#define PLAN_TEMPLATES_H

#include "template.h"
#include "unit.h"
#include "yaml.h"

static Templates templates;

/* 0, as cmocka's set-up wants it, or -1. */
static inline int templates_set_up(const char *text)
{
    cJSON *documents = NULL;
    Error error;

    templates_init(&templates);
    if (yaml_parse(text, strlen(text), &documents, &error) < 0)
        return -1;
    return templates_add(&templates, documents, &error);
}

static inline int templates_tear_down(void **state)
{
    (void)state;
    templates_done(&templates);
    return 0;
}

#endif

/* A manifest, or a piece of one, as a value: tests write YAML, which reads better in C than JSON.
 */
#ifndef YAML_VALUE_H
#define YAML_VALUE_H

#include "unit.h"
#include "yaml.h"

static inline cJSON *yaml_value(const char *text)
{
    cJSON *value = NULL;
    Error error;

    if (yaml_parse_one(text, strlen(text), &value, &error) < 0)
        fail_msg("%s in: %s", error.text, text);
    return value;
}

#endif
